"""A real SSH server on loopback that knows one user and forwards connections."""

from __future__ import annotations

import asyncio
import threading

import asyncssh

KEY = asyncssh.generate_private_key("ssh-ed25519")
LOCKED = asyncssh.generate_private_key("ssh-ed25519")
PASSWORD = "open sesame"


class _Doorkeeper(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("guest", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "guest" and key.get_fingerprint() in (KEY.get_fingerprint(), LOCKED.get_fingerprint())

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


class SshServer:
    """A real SSH server that knows one user and forwards connections."""

    def __init__(self) -> None:
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.loop = asyncio.new_event_loop()
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._acceptor = asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result()
        self.port = self._acceptor.get_port()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Doorkeeper,
            server_host_keys=[self.host_key],
            acceptor=self.connections.append,
        )

    def cut(self) -> None:
        """End every connection without a word."""

        async def abort() -> None:
            for connection in self.connections:
                connection.abort()

        asyncio.run_coroutine_threadsafe(abort(), self.loop).result()

    def stop(self) -> None:
        self.cut()

        async def close() -> None:
            self._acceptor.close()
            await self._acceptor.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
