"""The commonest reads of the Profile API, on connections that are always open.

The same answers as from `api_reads`. What SQLAlchemy does around two look-ups, a transaction and a result, takes five
times as long as the look-ups: 160 of 190 microseconds in an embedded store; to hand them to a thread takes as long
again. A server is asked from the event loop, which answers others meanwhile; one statement a page, as each is a way
there and back.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from core.profiles.api_page import Page, PageRequest
from core.profiles.api_reads import (
    BY_IDENTIFIER,
    IDENTIFIERS_BY_ONE,
    OWN_ID,
    Person,
    write_external_ids,
    write_plain_traits,
)
from core.storage.database import Database
from core.storage.prepared import Prepared

if TYPE_CHECKING:
    import psycopg

TRAITS, EXTERNAL_IDS = "traits", "external_ids"
CONNECTIONS = 4
"""To a server, in one process; who comes while all of them are waiting for it waits, too."""


_BY_IDENTIFIER = Prepared(lambda _dialect: BY_IDENTIFIER)
_IDENTIFIERS_BY_ONE = Prepared(lambda _dialect: IDENTIFIERS_BY_ONE)


class QuickReads(ABC):
    """Reads of one process."""

    def __init__(self, database: Database) -> None:
        self._dialect = database.engine.dialect

    def can_read(self, type_: str, part: str, request: PageRequest) -> bool:
        """Say whether what is asked for is among the commonest reads."""
        is_plain = not request.is_verbose and not request.classes
        return is_plain and part in (TRAITS, EXTERNAL_IDS) and type_ != OWN_ID

    async def read(
        self, space_id: str, type_: str, values: Sequence[str], part: str, request: PageRequest
    ) -> Page | None:
        """Return the page; None for nobody, or where the store cannot be read."""
        statement = _BY_IDENTIFIER if part == TRAITS else _IDENTIFIERS_BY_ONE
        for value in values:
            asked = statement.write(self._dialect, {"space_id": space_id, "type": type_, "value": value})
            found = await self._ask(*asked)
            if found and part == TRAITS:
                return write_plain_traits(orjson.loads(Person(*found[0]).traits), request)
            if found:
                return write_external_ids(found, request)
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of the connections."""

    @abstractmethod
    async def _ask(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        """Return the rows; none where the store cannot be read."""


def open_quick_reads(database: Database) -> QuickReads:
    """Return the reads of a store, to be closed after use."""
    return _EmbeddedReads(database) if database.is_sqlite else _ServerReads(database)


class _EmbeddedReads(QuickReads):
    """One connection of one thread: to read here and now takes less than to wait for it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._pooled = database.engine.raw_connection()
        self._connection: Any = self._pooled.driver_connection

    def close(self) -> None:
        self._pooled.close()

    async def _ask(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except self._dialect.loaded_dbapi.Error:
            return ()
        return found


class _ServerReads(QuickReads):
    """A few connections, opened when they are needed; one that failed is not used again."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        _, self._options = self._dialect.create_connect_args(database.engine.url)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._open: list[psycopg.AsyncConnection[Any]] = []

    def close(self) -> None:
        for connection in self._open:
            connection.pgconn.finish()
        self._open.clear()

    async def _ask(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        from psycopg import AsyncConnection, Error

        async with self._free:
            connection = self._open.pop() if self._open else None
            try:
                if connection is None:
                    connection = await AsyncConnection.connect(**self._options, autocommit=True, prepare_threshold=0)
                cursor = await connection.execute(sql.encode(), parameters)
                found = await cursor.fetchall()
            except BaseException as error:
                if connection is not None:
                    connection.pgconn.finish()
                if isinstance(error, Error):
                    return ()
                raise
            self._open.append(connection)
        return found
