"""`kill -9` in the middle of a migration leaves the old schema or the new one, and the next start finishes the work.

So it does while the tables of a new store are made.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect

from core.storage.database import open_database
from core.storage.home import Home
from core.storage.migrate import make_config, migrate, read_head, read_revision
from core.storage.tables import METADATA

pytestmark = pytest.mark.crash

ALL_TABLES = {*METADATA.tables, "alembic_version"}
ROOT = Path(__file__).resolve().parents[2]
MIGRATE_AND_DIE = """
import os, signal, sys
from sqlalchemy import event
from core.storage.database import open_database
from core.storage.home import open_home
from core.storage.migrate import migrate

root, url, statement = sys.argv[1], sys.argv[2], int(sys.argv[3])
home = open_home(root)
database = open_database(home, url)
seen = 0

def count(*_):
    global seen
    seen += 1
    if seen == statement:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(database.engine, "after_cursor_execute", count)
if statement == -1:
    event.listen(database.engine, "commit", lambda _connection: os.kill(os.getpid(), signal.SIGKILL))
migrate(database, home)
print(seen)
"""


def run_and_kill(home: Home, url: str, statement: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MIGRATE_AND_DIE, str(home.root), url, str(statement)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def list_tables(home: Home, url: str) -> set[str]:
    database = open_database(home, url)
    try:
        return set(inspect(database.engine).get_table_names())
    finally:
        database.close()


@pytest.mark.parametrize("statement", [30, -1], ids=lambda at: f"statement {at}" if at > 0 else "commit")
def test_killed_anywhere_a_new_store_is_whole_or_empty_and_is_finished_later(
    home: Home, store_url: str, statement: int
) -> None:
    _kill_and_finish(home, store_url, statement, before=set())


@pytest.mark.parametrize("statement", [12, -1], ids=lambda at: f"statement {at}" if at > 0 else "commit")
def test_killed_anywhere_a_migration_is_whole_or_absent_and_is_finished_later(
    home: Home, store_url: str, statement: int
) -> None:
    database = open_database(home, store_url)
    with database.transaction() as connection:
        command.upgrade(make_config(connection), "0001")
    database.close()
    _kill_and_finish(home, store_url, statement, before=list_tables(home, store_url))


def test_the_moments_above_lie_inside_the_work(home: Home, store_url: str) -> None:
    made = run_and_kill(home, store_url, 10_000)

    assert made.returncode == 0, made.stderr
    assert int(made.stdout) > 30


def _kill_and_finish(home: Home, store_url: str, statement: int, *, before: set[str]) -> None:
    killed = run_and_kill(home, store_url, statement)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list_tables(home, store_url) in (before, ALL_TABLES)
    database = open_database(home, store_url)
    migrate(database, home)
    assert read_revision(database) == read_head()
    database.close()
    assert list_tables(home, store_url) == ALL_TABLES
