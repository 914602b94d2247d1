"""The commonest reads of the Profile API, on connections that are always open.

The same answers as from `api_reads`. What SQLAlchemy does around two look-ups, a transaction and a result, takes five
times as long as the look-ups, and a thread for them as long again: 160 of 190 microseconds in an embedded store. A
server is asked from the event loop, which answers others meanwhile; one statement a page, as each is a way there and
back.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson
from sqlalchemy import Select
from sqlalchemy.engine import Dialect

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

if TYPE_CHECKING:
    import psycopg

TRAITS, EXTERNAL_IDS = "traits", "external_ids"
CONNECTIONS = 4
"""To a server, in one process; who comes while all of them are waiting for it waits, too."""


class _Statement(NamedTuple):
    """A statement in the driver's words, and the names of its parameters in their order; None: it goes by names."""

    sql: str
    names: Sequence[str] | None

    @classmethod
    def of(cls, statement: Select[Any], dialect: Dialect) -> Self:
        """Return the statement as the driver takes it."""
        compiled = statement.compile(dialect=dialect)
        return cls(str(compiled), compiled.positiontup)


class QuickReads(ABC):
    """Reads of one process."""

    def __init__(self, database: Database) -> None:
        dialect = database.engine.dialect
        self._by_identifier = _Statement.of(BY_IDENTIFIER, dialect)
        self._identifiers = _Statement.of(IDENTIFIERS_BY_ONE, dialect)

    def can_read(self, type_: str, part: str, request: PageRequest) -> bool:
        """Say whether what is asked for is among the commonest reads."""
        is_plain = not request.is_verbose and not request.classes
        return is_plain and part in (TRAITS, EXTERNAL_IDS) and type_ != OWN_ID

    async def read(
        self, space_id: str, type_: str, values: Sequence[str], part: str, request: PageRequest
    ) -> Page | None:
        """Return the page; None for nobody, or where the store cannot be read."""
        statement = self._by_identifier if part == TRAITS else self._identifiers
        for value in values:
            found = await self._ask(statement, {"space_id": space_id, "type": type_, "value": value})
            if found and part == TRAITS:
                return write_plain_traits(orjson.loads(Person(*found[0]).traits), request)
            if found:
                return write_external_ids(found, request)
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of the connections."""

    @abstractmethod
    async def _ask(self, statement: _Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
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
        self._error = database.engine.dialect.loaded_dbapi.Error

    def close(self) -> None:
        self._pooled.close()

    async def _ask(self, statement: _Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        ordered = tuple(values[name] for name in statement.names or ())
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(statement.sql, ordered).fetchall()
        except self._error:
            return ()
        return found


class _ServerReads(QuickReads):
    """A few connections, opened when they are needed; one that failed is not used again."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        engine = database.engine
        _, self._options = engine.dialect.create_connect_args(engine.url)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._open: list[psycopg.AsyncConnection[Any]] = []

    def close(self) -> None:
        for connection in self._open:
            connection.pgconn.finish()
        self._open.clear()

    async def _ask(self, statement: _Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        from psycopg import AsyncConnection, Error

        async with self._free:
            connection = self._open.pop() if self._open else None
            try:
                if connection is None:
                    connection = await AsyncConnection.connect(**self._options, autocommit=True, prepare_threshold=0)
                cursor = await connection.execute(statement.sql.encode(), values)
                found = await cursor.fetchall()
            except BaseException as error:
                if connection is not None:
                    connection.pgconn.finish()
                if isinstance(error, Error):
                    return ()
                raise
            self._open.append(connection)
        return found
