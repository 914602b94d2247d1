"""A door in front of a real Postgres on loopback: TLS that its build lacks, and what Redshift has and it does not.

It reads the first packet of a connection and then passes bytes through, so that a real driver talks to a real server.
For Redshift's driver it changes a few words on the way, both ways: see `redshift_words`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.emulators.redshift_words import Answers, keep_what_postgres_knows, write_question
from tests.postgres import PostgresServer

_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102


class PostgresFront:
    """One door. `port` is where it listens; `cut` ends every connection as a broken network would."""

    def __init__(
        self, upstream: PostgresServer, tls: ssl.SSLContext | None, *, as_redshift: bool, folds_names: bool
    ) -> None:
        self.port = 0
        self.was_encrypted: list[bool] = []
        self.asked: list[bytes] = []  # the kinds of the messages of Redshift's driver
        self.upstream = upstream
        self._tls = tls
        self._as_redshift = as_redshift
        self._folds_names = folds_names
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="postgres front")

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """End every open connection at once, without a word."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._open)])

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._handle, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            code, body = await self._read_first(reader, writer)
            answers, upstream = await asyncio.open_connection("127.0.0.1", self.upstream.port)
            self._open.add(upstream)
            upstream.write(struct.pack("!ii", len(body) + 8, code) + body)
            if self._as_redshift:
                await asyncio.gather(
                    _pump_messages(reader, upstream, self._ask), _pump_messages(answers, writer, Answers().rewrite)
                )
            else:
                await asyncio.gather(_pump(reader, upstream), _pump(answers, writer))
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # an end as good as any; cancelled is what `stop` does, and asyncio's own callback logs it as an error
        finally:
            for end in (writer, upstream):
                if end is not None:
                    self._open.discard(end)
                    end.close()

    def _ask(self, kind: bytes, body: bytes) -> bytes:
        self.asked.append(kind)
        return write_question(body, folds_names=self._folds_names)

    async def _read_first(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        while True:
            size, code = struct.unpack("!ii", await reader.readexactly(8))
            body = await reader.readexactly(size - 8)
            if code == _SSL_REQUEST and self._tls is not None:
                writer.write(b"S")
                await writer.start_tls(self._tls)
            elif code in (_SSL_REQUEST, _GSS_REQUEST):
                writer.write(b"N")
            else:
                self.was_encrypted.append(writer.get_extra_info("ssl_object") is not None)
                keeps_all = code == _CANCEL_REQUEST or not self._as_redshift
                return code, body if keeps_all else keep_what_postgres_knows(body)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError):
            writer.close()


async def _pump_messages(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewrite: Callable[[bytes, bytes], bytes]
) -> None:
    try:
        while True:
            kind, size = struct.unpack("!ci", await reader.readexactly(5))
            body = rewrite(kind, await reader.readexactly(size - 4))
            writer.write(struct.pack("!ci", kind, len(body) + 4) + body)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError):
            writer.close()


@contextmanager
def open_front(
    upstream: PostgresServer,
    *,
    tls: ssl.SSLContext | None = None,
    as_redshift: bool = False,
    folds_names: bool = False,
) -> Iterator[PostgresFront]:
    """Run a door until the block ends."""
    front = PostgresFront(upstream, tls, as_redshift=as_redshift, folds_names=folds_names)
    front.start()
    try:
        yield front
    finally:
        front.stop()
