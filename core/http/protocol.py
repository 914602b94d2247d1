"""HTTP as the server speaks it: uvicorn's protocol, with an end to senders that keep a connection and send nothing.

uvicorn waits for ever for a request that has begun, and takes a head of any length. A thousand connections that send a
byte now and then would use up what the process may open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 512 * 1024  # more than one read of the socket, which may hold the start of a body too
HEAD_TIMEOUT_S = 15.0
BODY_TIMEOUT_S = 75.0
"""Longer than the application waits for a body, which has an answer to give."""
SWEEP_S = 5.0


class WatchedProtocol(HttpToolsProtocol):
    """One connection that knows since when it waits for the sender, and for what.

    Attributes:
        waiting_since: When the request at hand began, or the connection; None while no request is being received.
        is_in_head: Whether what is being received is the head of a request.
    """

    waiting_since: float | None = None
    is_in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request."""
        self.waiting_since = time.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the head of the request becomes too long."""
        if self.is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("The request's head is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self.waiting_since, self.is_in_head = time.monotonic(), True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head has come."""
        self.is_in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request has come."""
        self.waiting_since, self.is_in_head, self._head_bytes = None, True, 0
        super().on_message_complete()


async def sweep(connections: Iterable[Any]) -> None:
    """Close, for as long as the server runs, every connection of `connections` that keeps it waiting for too long."""
    while True:
        await asyncio.sleep(SWEEP_S)
        for connection in list_overdue(connections, time.monotonic()):
            with suppress(RuntimeError):
                connection.transport.abort()


def list_overdue(connections: Iterable[Any], now: float) -> list[WatchedProtocol]:
    """Return the connections whose sender has been silent, or slow, for too long."""
    return [each for each in connections if isinstance(each, WatchedProtocol) and _is_overdue(each, now)]


def _is_overdue(connection: WatchedProtocol, now: float) -> bool:
    since = connection.waiting_since
    return since is not None and now - since > (HEAD_TIMEOUT_S if connection.is_in_head else BODY_TIMEOUT_S)
