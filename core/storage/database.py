"""The state store: SQLite in one file by default, Postgres by URL."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import (
    CoreError,
    CredentialsRejected,
    InvalidField,
    PermissionMissing,
    StateError,
    StorageFull,
    StoreUnreadable,
    Unreachable,
)
from core.storage.bulk import run_in_driver
from core.storage.home import Home

BUSY_TIMEOUT_MS = 15_000
ASKED_AFTER_S = 1.0  # that a connection to a server was not used
KEPT_CONNECTIONS = 5  # to an embedded store; more of them at once are opened and closed


SQLITE_SETTINGS = (
    "foreign_keys=ON",
    "cache_size=-32000",  # 32 MB: with the default 2 MB a batch of profiles is written to disk twice
    "wal_autocheckpoint=16000",  # 64 MB: what is written again and again is copied once; 32 MB: a twentieth slower
)


class Database:
    """One state store. Share it between threads; take one transaction for one change."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _create_engine(url)
        self._kept: list[Connection] = []

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is the embedded one."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self, *, may_be_lost: bool = False) -> Iterator[Connection]:
        """Yield a connection whose writes are committed together, or not at all.

        Args:
            may_be_lost: Do not wait for the disk. After a power failure it may be as if the newest of these had never
                been; a transaction that does wait saves those before it, too. For what is made of the event log.

        Raises:
            StorageFull: The disk is full; nothing of the transaction was written.
            StoreUnreadable: The file is damaged or cannot be opened.
            Unreachable: The Postgres server does not answer.
        """
        synchronous = "NORMAL" if may_be_lost else "FULL"
        with _translating(), self._connect("IMMEDIATE", synchronous) as connection, connection.begin():
            if may_be_lost and not self.is_sqlite:
                run_in_driver(connection, "SET LOCAL synchronous_commit TO OFF")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the store and writes nothing; raises as `transaction` does."""
        with _translating(), self._connect("DEFERRED") as connection:
            yield connection

    def close(self) -> None:
        """Close every connection that nobody uses."""
        while self._kept:
            self._kept.pop().close()
        self.engine.dispose()

    @contextmanager
    def _connect(self, mode: str, synchronous: str | None = None) -> Iterator[Connection]:
        """Yield a connection whose transactions begin in this way.

        Those to a server come from SQLAlchemy's pool; one that has rested is asked whether the server is still there.
        Those to an embedded store are kept here, open and set up: what the pool does around one takes longer than a
        look-up. The last used comes first, as it has the newest pages in its cache.
        """
        try:
            connection = self._kept.pop()
        except IndexError:
            connection = self.engine.connect()
        try:
            connection.info["mode"], connection.info["synchronous"] = mode, synchronous
            yield connection
            if connection.in_transaction():
                connection.rollback()
        except BaseException:
            connection.close()
            raise
        if self.is_sqlite and len(self._kept) < KEPT_CONNECTIONS:
            self._kept.append(connection)
        else:
            connection.close()


def open_database(home: Home, url: str | None = None) -> Database:
    """Return the store at `url`, else at `ONRAMP_DATABASE_URL`, else in the home folder. Does not migrate."""
    return Database(url or os.environ.get("ONRAMP_DATABASE_URL") or f"sqlite:///{home.workspace_db}")


def translate_store_error(error: DBAPIError) -> CoreError | None:
    """Return what a person can do about a failure of the store's driver; None where that is not the disk or the server.

    Matches the engines' own codes, because their texts repeat names and values of ours.
    """
    name = getattr(error.orig, "sqlite_errorname", None) or _name_postgres_failure(error)
    for prefix, make in _FAILURES.items():
        if name.startswith(prefix):
            return make(name)
    return None


_FULL_HINT = "Free some space, then repeat the last step. Nothing that was saved before is lost."
_FAILURES: dict[str, Callable[[str], CoreError]] = {
    # A write beyond a quota or a file size limit comes as an input/output error.
    **dict.fromkeys(
        ("SQLITE_FULL", "SQLITE_IOERR", "PG_53100"),
        lambda _name: StorageFull(
            "The disk under the state store is full or failing; the change was not saved.", hint=_FULL_HINT
        ),
    ),
    **dict.fromkeys(
        ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
        lambda _name: StoreUnreadable(
            "The state store is damaged and cannot be read.", hint="Restore the home folder from a backup."
        ),
    ),
    **dict.fromkeys(
        ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH"),
        lambda _name: StoreUnreadable(
            "The state store cannot be opened for writing.", hint="Check the permissions of the home folder's files."
        ),
    ),
    "SQLITE_BUSY": lambda _name: StateError(
        "The state store is busy with another process.", code="store_busy", hint="Try again in a moment."
    ),
    "PG_28": lambda _name: CredentialsRejected(
        "The Postgres server of the state store refused the login.", hint="Check the user in ONRAMP_DATABASE_URL."
    ),
    "PG_42501": lambda _name: PermissionMissing(
        "The user of the state store may not do there what Onramp needs.",
        hint="Make the user in ONRAMP_DATABASE_URL the owner of the database, and of the tables that are in it.",
    ),
    "PG_25006": lambda _name: StoreUnreadable(
        "The Postgres server of the state store takes no changes, as a standby does; nothing was saved.",
        hint="Name the server that takes changes in ONRAMP_DATABASE_URL.",
    ),
    "PG_OPTION": lambda _name: InvalidField(
        "ONRAMP_DATABASE_URL has a setting that Postgres does not take.",
        hint="Correct what stands behind its question mark, as in ?sslmode=require.",
    ),
    "PG_3D000": lambda _name: StoreUnreadable(
        "The Postgres database of the state store does not exist.", hint="Create it, or correct ONRAMP_DATABASE_URL."
    ),
    "PG_CONNECTION": lambda _name: Unreachable(
        "The Postgres server of the state store does not answer.",
        hint="Start it, or correct host and port in ONRAMP_DATABASE_URL.",
    ),
}


def _name_postgres_failure(error: DBAPIError) -> str:
    # While connecting psycopg has no code to give, only the server's words.
    state = getattr(error.orig, "sqlstate", None)
    text = str(error.orig).lower()
    if state is None and re.search(r"invalid (connection option|\w+ value)|bad value for", text):
        return "PG_OPTION"
    if state is None and isinstance(error, OperationalError):
        if "authentication failed" in text or ("role" in text and "does not exist" in text):
            return "PG_28"
        return "PG_3D000" if "database" in text and "does not exist" in text else "PG_CONNECTION"
    return "PG_CONNECTION" if error.connection_invalidated else f"PG_{state}"


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        known = translate_store_error(error)
        if known is None:
            raise
        raise known from error


def _create_engine(url: str) -> Engine:
    try:
        engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1),
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            **({"poolclass": NullPool} if url.startswith("sqlite") else {}),
        )
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
        engine = None
    if engine is None or engine.dialect.name not in ("sqlite", "postgresql"):
        # raised apart from the handler: the library's own message repeats the address with its password
        raise InvalidField(
            "ONRAMP_DATABASE_URL is not the address of a SQLite file or of a Postgres database.",
            hint="Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or leave it out for a file in the home folder.",
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    else:
        _ask_after_rest(engine)
    return engine


def _ask_after_rest(engine: Engine) -> None:
    """Have a connection that has rested asked whether its server is still there.

    `pool_pre_ping` asks before every use, which takes as long as a look-up.
    """

    def note_use(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def require_server(connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
        used_at = record.info.get("used_at")
        if used_at is None or time.monotonic() - used_at < ASKED_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens another one

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", require_server)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below decides, not the driver
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _use_wal(connection)
    for pragma in SQLITE_SETTINGS:
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: Any) -> None:
    # Of several that turn a new file to WAL at once, SQLite refuses some at once, whatever the busy timeout.
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once when another one wrote meanwhile, whatever the
    # busy timeout; taking the write lock first makes writers queue. `reading()` asks for DEFERRED.
    info = connection.info
    synchronous = info.get("synchronous")
    if synchronous and synchronous != info.get("synchronous_now"):
        run_in_driver(connection, f"PRAGMA synchronous={synchronous}")
        info["synchronous_now"] = synchronous
    run_in_driver(connection, f"BEGIN {info.get('mode', 'IMMEDIATE')}")
