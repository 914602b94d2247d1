"""Brings the state store to this version's tables, by Alembic.

A migration runs in one transaction on both engines, so a process killed in its middle leaves the old schema. Processes
that start together queue: for a lock file beside SQLite, for an advisory lock in Postgres.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.errors import StoreUnreadable
from core.storage.database import Database
from core.storage.home import Home

FOLDER = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x6F6E72616D70  # "onramp"


def migrate(database: Database, home: Home) -> None:
    """Apply the migrations that the store has not seen; one query where there are none.

    Raises:
        StoreUnreadable: The store was written by a newer version.
    """
    with database.reading() as connection:
        if read_revision(connection) == read_head():
            return
    with _lock(home), database.transaction() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        revision = read_revision(connection)
        if revision == read_head():
            return
        _require_known(revision)
        config = make_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the store; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def read_head() -> str | None:
    """Return the newest revision of this version."""
    return ScriptDirectory(str(FOLDER)).get_current_head()


def make_config() -> Config:
    """Return Alembic's configuration; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _require_known(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreUnreadable(
            f"The state store was written by a newer version of Onramp (revision {revision}).",
            hint="Start that version, or restore the home folder from a backup made with this one.",
        )


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    with (home.root / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
