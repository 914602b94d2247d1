"""An SSH tunnel to a server that cannot be reached directly: its near end is a port of this computer's loopback.

The SSH server has to show the host key whose fingerprint a person gave; nothing is learnt from files of this computer.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncssh

from core.errors import CoreError, CredentialsRejected, InvalidField, MissingField, Unreachable

CONNECT_TIMEOUT_S = 10
KEEPALIVE_S = 15
SETTLE_S = 0.1
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Bastion:
    """The SSH server, and as whom we go in."""

    host: str
    port: int
    user: str
    fingerprint: str
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """The server in words."""
        return f"{self.host}, port {self.port}"


class Tunnel:
    """One way through a bastion to one server. It opens when it is first needed, and again after it was cut."""

    def __init__(self, bastion: Bastion, host: str, port: int) -> None:
        self._bastion = bastion
        self._target = (host, port)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._near_end = ("127.0.0.1", 0)

    def open(self) -> tuple[str, int]:
        """Return host and port of the near end.

        Raises:
            CoreError: The SSH server cannot be used; `context["field"]` names the setting to look at.
        """
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="ssh tunnel", daemon=True)
                self._thread.start()
            if self._connection is None or self._connection.is_closed():
                asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result()
            return self._near_end

    def close(self) -> None:
        """End the tunnel. Closing twice is fine."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            if loop is None or thread is None:
                return
            asyncio.run_coroutine_threadsafe(self._disconnect(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _connect(self) -> None:
        bastion, client = self._bastion, _Client(self._bastion.fingerprint)
        try:
            connection = await asyncssh.connect(
                bastion.host,
                bastion.port,
                username=bastion.user,
                client_keys=None if bastion.key is None else [bastion.key],
                password=bastion.password,
                client_factory=lambda: client,
                known_hosts=([], [], []),
                config=[],
                agent_path=None,
                connect_timeout=CONNECT_TIMEOUT_S,
                login_timeout=CONNECT_TIMEOUT_S,
                keepalive_interval=KEEPALIVE_S,
            )
        except (OSError, asyncssh.Error) as error:
            raise _translate(error, bastion, client.seen) from error
        try:
            # Asked once now: a failure at the far end would look like the database's own
            _, writer = await connection.open_connection(*self._target)
            writer.close()
            listener = await connection.forward_local_port("127.0.0.1", 0, *self._target)
        except (OSError, asyncssh.Error) as error:
            connection.abort()
            raise Unreachable(
                f"The SSH server {bastion.host} does not reach {self._target[0]}, port {self._target[1]}.",
                hint="Check host and port as the SSH server sees them, and that it allows forwarding.",
                context={"field": "host", "engine_message": str(error)},
            ) from error
        self._connection, self._near_end = connection, ("127.0.0.1", listener.get_port())

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = None
            # rows that were on their way to a client that has left fail now, and close their sockets with that
            await asyncio.sleep(SETTLE_S)


class _Client(asyncssh.SSHClient):
    """Trusts the one key whose fingerprint was given."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self.seen = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.seen = key.get_fingerprint("sha256")
        return self.seen == self._fingerprint


def read_tunnel(settings: Mapping[str, object], secrets: Mapping[str, str], host: str, port: int) -> Tunnel | None:
    """Return the tunnel that the settings ask for, or None.

    Raises:
        MissingField, InvalidField: `context["field"]` names the setting.
    """
    if settings.get("way_in", "direct") != "ssh":
        return None
    fingerprint = str(settings.get("ssh_host_key", "")).strip().rstrip("=")
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise InvalidField(
            "The SSH host key is not a SHA-256 fingerprint.",
            hint="Give it as SHA256: and 43 more characters, as ssh-keygen -lf prints it.",
            context={"field": "ssh_host_key"},
        )
    key = _read_key(secrets.get("ssh_private_key", ""), secrets.get("ssh_key_passphrase") or None)
    password = secrets.get("ssh_password") or None
    if key is None and password is None:
        raise MissingField(
            "The SSH login has neither a private key nor a password.",
            hint="Paste the private key, or give the password.",
            context={"field": "ssh_private_key"},
        )
    ssh_host, ssh_port = str(settings.get("ssh_host", "")).strip(), int(str(settings.get("ssh_port") or 22))
    bastion = Bastion(ssh_host, ssh_port, str(settings.get("ssh_user", "")), fingerprint, key, password)
    return Tunnel(bastion, host, port)


def _read_key(text: str, passphrase: str | None) -> asyncssh.SSHKey | None:
    if not text.strip():
        return None
    try:
        return asyncssh.import_private_key(text.strip() + "\n", passphrase)
    except asyncssh.KeyEncryptionError as error:
        raise _bad_passphrase("The passphrase does not open the SSH private key.") from error
    except asyncssh.KeyImportError as error:
        if "assphrase" in str(error):
            raise _bad_passphrase("The SSH private key is encrypted, and its passphrase is missing.") from error
        raise InvalidField(
            "The SSH private key cannot be read.",
            hint="Paste the whole text of the private key, with its first and last line.",
            context={"field": "ssh_private_key"},
        ) from error


def _bad_passphrase(message: str) -> InvalidField:
    return InvalidField(
        message, hint="Give the passphrase that the key was made with.", context={"field": "ssh_key_passphrase"}
    )


def _translate(error: Exception, bastion: Bastion, seen: str) -> CoreError:
    context: dict[str, object] = {"engine_message": str(error)}
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Unreachable(
            f"The SSH server {bastion.host} shows another host key than the one given: {seen}.",
            code="unknown_host_key",
            hint="Ask whoever runs it which fingerprint is right; do not go on where nobody can tell.",
            context=context | {"field": "ssh_host_key"},
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return CredentialsRejected(
            f"The SSH server {bastion.host} refused the user {bastion.user}.",
            hint="Check the SSH user, and that the key (or password) is one that the server knows.",
            context=context | {"field": "ssh_password" if bastion.key is None else "ssh_private_key"},
        )
    message, hint, name = _describe_failure(error, bastion)
    return Unreachable(message, hint=hint, context=context | {"field": name})


def _describe_failure(error: Exception, bastion: Bastion) -> tuple[str, str, str]:
    match error:
        case socket.gaierror():
            return f"There is no SSH server named {bastion.host}.", "Check the spelling of the SSH host.", "ssh_host"
        case ConnectionRefusedError():
            return f"Nothing listens at {bastion.place}.", "Check SSH host and port: 22 is usual.", "ssh_port"
        case ConnectionError() | asyncssh.Error():  # one that hangs up has answered
            return (
                f"What answers at {bastion.place} does not speak SSH with us.",
                "Check the port: 22 is usual.",
                "ssh_port",
            )
    return (
        f"The SSH server {bastion.place} does not answer.",
        "Check SSH host and port, and that a firewall lets this computer through.",
        "ssh_host",
    )
