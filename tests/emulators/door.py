"""A door in front of any server on loopback, which passes bytes on until a test shuts it: the network as it fails."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ABORT = struct.pack("ii", 1, 0)  # to linger for no time: the peer is told of a reset, not of an end


class Door:
    """One door. `port` is where it listens, `passed` counts the bytes from the server, `cuts` how often it shut."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._stays_shut = True
        self.passed = self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def shut_after(self, size: int, *, once: bool = False) -> None:
        """Let the server send `size` more bytes, then cut every connection; every new one too, unless `once`."""
        with self._lock:
            self._left, self._stays_shut = size, not once
        if size == 0:
            self._cut()

    def open(self) -> None:
        """Let everything pass again."""
        with self._lock:
            self._left = None

    @property
    def is_shut(self) -> bool:
        """Whether it has cut what there was."""
        return self._left == 0

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_shut:
                _abort(client)
                continue
            server = socket.create_connection(("127.0.0.1", self._upstream_port))
            with self._lock:
                self._open |= {client, server}
            for source, target, counts in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, target, counts), daemon=True).start()

    def close(self) -> None:
        """End everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def _pump(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                data = self._take(data) if counts else data
                target.sendall(data)
                if self.is_shut:
                    self._cut()
            target.shutdown(socket.SHUT_WR)

    def _take(self, data: bytes) -> bytes:
        with self._lock:
            if self._left is not None:
                data = data[: self._left]
                self._left -= len(data)
            self.passed += len(data)
        return data

    def _cut(self) -> None:
        with self._lock:
            found, self._open = self._open, set()
            self.cuts += self._left == 0
            if not self._stays_shut:
                self._left = None
        for each in found:
            _abort(each)


def _abort(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def open_door(upstream_port: int) -> Iterator[Door]:
    """Run a door until the block ends."""
    door = Door(upstream_port)
    thread = threading.Thread(target=door.serve, name="door", daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.close()
        thread.join()
