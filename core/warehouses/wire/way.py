"""The way to a Postgres or Redshift server, and the connections to it that wait for the next query."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from core.errors import Unreachable
from core.warehouses.tunnel import Tunnel
from core.warehouses.wire.address import Address


class Runs(Protocol):
    """A connection."""

    def run(self, sql: str, /) -> object:
        """Run a statement."""

    def close(self) -> None:
        """End it."""


Link = TypeVar("Link", bound=Runs)


class Way(Generic[Link]):
    """Straight to the server, or through a tunnel that opens when it is first needed."""

    def __init__(self, address: Address, tunnel: Tunnel | None, connect: Callable[[Address], Link]) -> None:
        self.address = address
        self._tunnel = tunnel
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[Link] = []

    def reach(self) -> Address:
        """Return the address as it is reached from here."""
        return self.address if self._tunnel is None else self.address.through(*self._tunnel.open())

    def begin(self, start: Callable[[Link], None], is_cut: Callable[[BaseException], bool]) -> Link:
        """Return a connection on which `start` has run: one that waits, unless it was cut meanwhile, or a new one."""
        while True:
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            link = idle or self._open()
            try:
                start(link)
            except BaseException as error:
                link.close()
                if idle is None or not is_cut(error):
                    raise
            else:
                return link

    def keep(self, link: Link) -> None:
        """Let the connection wait for the next query."""
        with self._lock:
            self._idle.append(link)

    def close(self) -> None:
        """End the connections that wait, and the tunnel."""
        with self._lock:
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()
        if self._tunnel is not None:
            self._tunnel.close()

    def _open(self) -> Link:
        try:
            return self._connect(self.reach())
        except Unreachable:
            if self._tunnel is None:
                raise
            self._tunnel.close()  # it may have been cut a moment ago, with nobody noticing yet: through a new one
            return self._connect(self.reach())
