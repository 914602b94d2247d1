"""`kill -9` in the middle of a migration leaves the old schema or the new one, and the next start finishes the work."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from core.storage.database import open_database
from core.storage.home import Home
from core.storage.migrate import migrate, read_head, read_revision
from core.storage.tables import METADATA

pytestmark = pytest.mark.crash

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


@pytest.mark.parametrize("statement", [1, 3, 7, 15, 30, -1], ids=lambda at: f"statement {at}" if at > 0 else "commit")
def test_killed_anywhere_a_migration_is_whole_or_absent_and_is_finished_later(
    home: Home, store_url: str, statement: int
) -> None:
    killed = run_and_kill(home, store_url, statement)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = list_tables(home, store_url)
    assert left == set() or left == {*METADATA.tables, "alembic_version"}
    database = open_database(home, store_url)
    migrate(database, home)
    assert read_revision(database) == read_head()
    database.close()
    assert list_tables(home, store_url) == {*METADATA.tables, "alembic_version"}


def test_the_moments_above_lie_inside_a_migration(home: Home, store_url: str) -> None:
    finished = run_and_kill(home, store_url, 10_000)

    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) > 30
