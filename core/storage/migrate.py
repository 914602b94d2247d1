"""Brings the state store to this version's tables: a new one at once, an older one by Alembic.

A migration runs in one transaction on both engines, so a process killed in its middle leaves the old schema. Processes
that start together queue: for a lock file beside SQLite, for an advisory lock in Postgres.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select, table, text
from sqlalchemy import column as named
from sqlalchemy.exc import OperationalError, ProgrammingError

from core.errors import StoreUnreadable
from core.storage.database import Database
from core.storage.home import Home
from core.storage.tables import METADATA

if TYPE_CHECKING:  # Alembic is read only where there is something to migrate: most starts do without
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x6F6E72616D70  # "onramp"
_VERSIONS = table("alembic_version", named("version_num"))


def migrate(database: Database, home: Home) -> None:
    """Apply the migrations that the store has not seen; one query where there are none.

    Raises:
        StoreUnreadable: The store was written by a newer version, or cannot be read at all.
    """
    if read_revision(database) == read_head():
        return
    with _lock(home), database.transaction() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        if inspect(connection).get_table_names():
            upgrade(connection)
        else:
            _create(connection)


def upgrade(connection: Connection) -> None:
    """Apply the migrations that the store has not seen, in the caller's transaction.

    Raises:
        StoreUnreadable: The store was written by a newer version.
    """
    from alembic import command
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreUnreadable(
            f"The state store was written by a newer version of Onramp (revision {revision}).",
            hint="Start that version, or restore the home folder from a backup made with this one.",
        )
    command.upgrade(make_config(connection), "head")


def read_revision(database: Database) -> str | None:
    """Return the revision of the store; None for an empty one."""
    try:
        with database.reading() as connection:
            return connection.execute(select(_VERSIONS)).scalar()
    except (OperationalError, ProgrammingError):  # there is no such table yet
        return None


@cache
def read_head() -> str:
    """Return the newest revision of this version: its number is how its file's name begins."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def make_config(connection: Connection) -> Config:
    """Return Alembic's configuration for work on `connection`; there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _create(connection: Connection) -> None:
    # The way Alembic's documentation names for a new store; a test holds the two ways to the same tables.
    METADATA.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(insert(_VERSIONS).values(version_num=read_head()))


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    try:
        file = (home.root / "migrate.lock").open("w")
    except OSError as error:
        raise StoreUnreadable(
            f"The folder {home.root} cannot be written ({error.strerror}).",
            hint="Set ONRAMP_HOME to a folder that you can write, or free space on its disk.",
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
