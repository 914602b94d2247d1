"""The state store: SQLite in one file by default, Postgres by URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from core.errors import StorageFull, StoreUnreadable
from core.storage.home import Home

BUSY_TIMEOUT_MS = 15_000


class Database:
    """One state store. Share it between threads; take one transaction for one change."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _create_engine(url)

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is the embedded one."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose writes are committed together, or not at all.

        Raises:
            StorageFull: The disk is full; nothing of the transaction was written.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise translate_store_error(error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the store and writes nothing."""
        with self.engine.connect().execution_options(onramp_mode="DEFERRED") as connection:
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(home: Home, url: str | None = None) -> Database:
    """Return the store at `url`, else at `ONRAMP_DATABASE_URL`, else in the home folder. Does not migrate."""
    return Database(url or os.environ.get("ONRAMP_DATABASE_URL") or f"sqlite:///{home.workspace_db}")


def translate_store_error(error: OperationalError) -> Exception:
    """Return the `CoreError` for a failure of the store's driver, or the error itself."""
    text = str(error.orig).lower()
    if "full" in text or "no space" in text:
        return StorageFull(
            "The disk under ONRAMP_HOME is full; the change was not saved.",
            hint="Free some space, then repeat the last step. Nothing that was saved before is lost.",
        )
    if "unable to open" in text or "not a database" in text or "malformed" in text:
        return StoreUnreadable(
            "The state store cannot be opened.", hint="Check the folder's permissions, or restore it from a backup."
        )
    return error


def _create_engine(url: str) -> Engine:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        pool_pre_ping=not url.startswith("sqlite"),
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below decides, not the driver
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        "cache_size=-32000",  # 32 MB: with the default 2 MB a batch of profiles is written to disk twice
        "wal_autocheckpoint=8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once when another one wrote meanwhile, whatever the
    # busy timeout; taking the write lock first makes writers queue. `reading()` asks for DEFERRED.
    mode = connection.get_execution_options().get("onramp_mode", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")
