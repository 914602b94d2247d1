"""A database on a Postgres or Redshift server: how a query gets its connection, and what becomes of its failures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Generic, Self

from core.errors import CoreError
from core.storage.home import Home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, check_zone
from core.warehouses.stopping import cancelled, timed_out
from core.warehouses.tunnel import Tunnel, read_tunnel
from core.warehouses.warehouse import QUERY_TIMEOUT_S, Warehouse
from core.warehouses.wire.address import Address, read_address
from core.warehouses.wire.errors import (
    LOST,
    STOPPED,
    OutOfTime,
    Refused,
    ServerReport,
    stopped_by_server,
    translate_report,
)
from core.warehouses.wire.types import Transport
from core.warehouses.wire.way import Link, Way


class ServerWarehouse(Warehouse, Generic[Link]):
    """One database. Connections are kept between queries until `close`; each serves one query at a time."""

    default_ssl_mode: ClassVar[str]
    driver_failures: ClassVar[tuple[type[Exception], ...]] = ()
    """What the driver raises when the connection is lost, where the link does not translate it itself."""

    def __init__(self, address: Address, *, zone: str = "UTC", tunnel: Tunnel | None = None) -> None:
        self._way: Way[Link] = Way(address, tunnel, self._open_link)
        self._zone = zone

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for the server that `settings` names."""
        address = read_address(settings, secrets, ssl_mode=cls.default_ssl_mode)
        tunnel = read_tunnel(settings, secrets, address.host, address.port)
        return cls(address, zone=check_zone(settings), tunnel=tunnel)

    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns that `sql` would give: the server reads it and does not run it."""
        with self._reading(sql, QUERY_TIMEOUT_S, None) as link:
            return tuple(transport.column for transport in self._describe(link, sql))

    def close(self) -> None:
        """End the connections that wait for a query, and the tunnel."""
        self._way.close()

    @staticmethod
    @abstractmethod
    def _open_link(address: Address) -> Link:
        """Return a new connection."""

    @abstractmethod
    def _begin(self, timeout_s: float, token: CancelToken) -> Link:
        """Return a connection in a new transaction that is read-only."""

    @abstractmethod
    def _describe(self, link: Link, sql: str) -> tuple[Transport, ...]:
        """Return how each column travels. What is no single query ends here, before it runs."""

    def _watch(self, link: Link, token: CancelToken) -> Callable[[], None]:
        """Obey the token while the link works, where the link does not do so itself; return what takes it back."""
        return lambda: None

    def _probe(self) -> str:
        count = len(self.list_tables())
        return f"{count} table{'' if count == 1 else 's'} can be read."

    @contextmanager
    def _reading(self, sql: str, timeout_s: float, cancel: CancelToken | None) -> Iterator[Link]:
        """Give a connection for one query; it is kept for the next where all went well."""
        token = cancel or CancelToken()
        if token.cancelled:
            raise cancelled(token)
        try:
            link = self._begin(timeout_s, token)
            forget = self._watch(link, token)
            is_done = False
            try:
                yield link
                link.run("COMMIT")
                is_done = True
            finally:
                forget()
                if is_done and not token.cancelled:
                    self._way.keep(link)
                else:
                    link.close()
        except OutOfTime as error:
            raise timed_out(timeout_s) from error
        except Refused as error:
            raise self._translate(error, sql, token) from error
        except self.driver_failures as error:
            raise self._translate(Refused(ServerReport(LOST, str(error)), ""), sql, token) from error

    def _translate(self, refused: Refused, sql: str, token: CancelToken) -> CoreError:
        if token.cancelled:
            return cancelled(token)
        if refused.report.sqlstate == STOPPED:
            return stopped_by_server(refused.report)
        offset = max(0, refused.sent.find(sql)) if sql else 0
        return translate_report(refused.report, sql, self._way.address, offset=offset)
