"""The state store without Onramp: the same tables beside the real ones; the driver alone writes rows to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Protocol

import psycopg

from core.events.log_file import insert_rows
from core.storage.database import SQLITE_SETTINGS
from core.workspaces.workspace import Workspace

Rows = Sequence[tuple[object, ...]]
Seen = tuple[int, str, str, str]
"""When an identifier was seen, and its space, type and value."""
_SEE = "UPDATE {} SET last_seen_at = {mark} WHERE (space_id, type, value) = ({mark}, {mark}, {mark})"


class BareStore(Protocol):
    """Empty copies of some tables with their indexes, and `rows`, what the real ones hold."""

    rows: Mapping[str, Rows]

    def transaction(self) -> AbstractContextManager[object]:
        """Return a transaction that does not wait for the disk, as the builder's do not."""
        ...

    def insert(self, table: str, rows: Rows) -> None:
        """Insert rows into the copy of a table."""
        ...

    def see(self, seen: Sequence[Seen]) -> None:
        """Update one row of the copy of `identifiers` for each."""
        ...

    def commit_row(self, number: int) -> None:
        """Insert one row and wait for the disk."""
        ...


@contextmanager
def open_bare(workspace: Workspace, tables: Sequence[str]) -> Iterator[BareStore]:
    """Yield copies of `tables` in a store of the workspace's kind; those of before are gone."""
    if workspace.database.is_sqlite:
        path = workspace.home.root / "bare.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield _BareSqlite(connection, str(workspace.home.workspace_db), tables)
    else:
        with psycopg.connect(workspace.database.url, autocommit=True) as server:
            yield _BarePostgres(server, tables)


class _BareSqlite:
    def __init__(self, connection: sqlite3.Connection, built: str, tables: Sequence[str]) -> None:
        self._connection = connection
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", *SQLITE_SETTINGS):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE one (value)")
        connection.execute("ATTACH ? AS built", (built,))
        marks = ", ".join("?" * len(tables))
        for kind in ("table", "index"):
            sql = f"SELECT sql FROM built.sqlite_master WHERE type = ? AND tbl_name IN ({marks}) AND sql IS NOT NULL"
            for (statement,) in connection.execute(sql, (kind, *tables)).fetchall():
                connection.execute(statement)
        self.rows = {
            table: connection.execute(f"SELECT * FROM built.{table} ORDER BY 1, 2, 3").fetchall() for table in tables
        }
        connection.execute("DETACH built")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        yield
        self._connection.execute("COMMIT")

    def insert(self, table: str, rows: Rows) -> None:
        insert_rows(self._connection, f"INSERT INTO {table}", rows)

    def see(self, seen: Sequence[Seen]) -> None:
        self._connection.executemany(_SEE.format("identifiers", mark="?"), seen)

    def commit_row(self, number: int) -> None:
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("INSERT INTO one VALUES (?)", (number,))


class _BarePostgres:
    def __init__(self, server: psycopg.Connection[Any], tables: Sequence[str]) -> None:
        self._server = server
        server.execute("DROP TABLE IF EXISTS bare_one")
        server.execute("CREATE TABLE bare_one (value integer)")
        for table in tables:
            server.execute(f"DROP TABLE IF EXISTS bare_{table}")
            server.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
        self.rows = {table: server.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._server.transaction():
            self._server.execute("SET LOCAL synchronous_commit TO OFF")
            yield

    def insert(self, table: str, rows: Rows) -> None:
        with self._server.cursor().copy(f"COPY bare_{table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def see(self, seen: Sequence[Seen]) -> None:
        self._server.cursor().executemany(_SEE.format("bare_identifiers", mark="%s"), seen)

    def commit_row(self, number: int) -> None:
        self._server.execute("INSERT INTO bare_one VALUES (%s)", (number,))
