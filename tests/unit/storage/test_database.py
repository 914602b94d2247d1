"""The state store: what it promises on both engines, and how it fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from core.errors import (
    CoreError,
    CredentialsRejected,
    InvalidField,
    PermissionMissing,
    StorageFull,
    StoreUnreadable,
    Unreachable,
)
from core.storage.database import Database, open_database
from core.storage.home import Home, open_home
from core.storage.migrate import migrate
from core.storage.tables import reader_offsets
from core.workspaces.workspace import Workspace, open_workspace
from tests.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[3]
FILL_UNDER_A_LIMIT = """
import resource, sys
from sqlalchemy import insert
from core.errors import StorageFull
from core.storage.tables import workspaces
from core.workspaces.workspace import open_workspace

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
written = 0
try:
    workspace = open_workspace(sys.argv[1])
    for number in range(1000):
        with workspace.database.transaction() as connection:
            values = {"id": str(number), "name": "x" * 100_000, "access": "none", "created_at": workspace.now()}
            connection.execute(insert(workspaces).values(values))
        written += 1
except StorageFull as error:
    print(written, error.code)
"""


def read_count(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(reader_offsets)).scalar_one()


def write_offset(workspace: Workspace, database: Database, reader: str, log_offset: int = 0) -> None:
    with database.transaction() as connection:
        values = {"reader": reader, "log_offset": log_offset, "updated_at": workspace.now()}
        connection.execute(insert(reader_offsets).values(values))


def test_a_transaction_that_fails_leaves_nothing(store_workspace: Workspace) -> None:
    database = store_workspace.database
    with pytest.raises(KeyError), database.transaction() as connection:
        values = {"reader": "a", "log_offset": 1, "updated_at": store_workspace.now()}
        connection.execute(insert(reader_offsets).values(values))
        raise KeyError
    assert read_count(database) == 0


def test_times_and_documents_come_back_as_they_went_in(store_workspace: Workspace) -> None:
    database = store_workspace.database
    write_offset(store_workspace, database, "größe 😀", 2**62)
    with database.reading() as connection:
        row = connection.execute(select(reader_offsets)).one()
    assert (row.reader, row.log_offset, row.updated_at) == ("größe 😀", 2**62, store_workspace.now())


def test_writers_in_many_threads_wait_for_one_another(store_workspace: Workspace) -> None:
    database = store_workspace.database
    failures: list[CoreError] = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                write_offset(store_workspace, database, f"{number}-{turn}")
        except CoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read_count(database) == 60


def test_a_reader_is_not_stopped_by_a_writer(store_workspace: Workspace) -> None:
    database = store_workspace.database
    with database.transaction() as connection:
        values = {"reader": "a", "log_offset": 1, "updated_at": store_workspace.now()}
        connection.execute(insert(reader_offsets).values(values))
        assert read_count(database) == 0
    assert read_count(database) == 1


def test_a_file_that_is_no_database_is_a_sentence(home: Home) -> None:
    home.workspace_db.write_bytes(b"this is not a database, it is a letter" * 100)
    with pytest.raises(StoreUnreadable, match="damaged") as caught:
        open_workspace(str(home.root))
    assert "backup" in caught.value.hint


def test_a_damaged_page_is_a_sentence(workspace: Workspace) -> None:
    for number in range(2000):
        if number % 500 == 0:
            write_offset(workspace, workspace.database, f"reader {number}" + "x" * 5000)
    workspace.close()
    content = bytearray(workspace.home.workspace_db.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    workspace.home.workspace_db.write_bytes(bytes(content))

    with pytest.raises(StoreUnreadable, match="damaged"):
        open_workspace(str(workspace.home.root)).close()


def test_a_folder_in_place_of_the_database_is_a_sentence(home: Home) -> None:
    home.workspace_db.mkdir()
    with pytest.raises(StoreUnreadable, match="cannot be opened"):
        open_workspace(str(home.root))


def test_a_full_disk_is_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    open_workspace(home).close()

    command = [sys.executable, "-c", FILL_UNDER_A_LIMIT, home, "3000000"]
    filled = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    written, code = filled.stdout.split()
    assert code == StorageFull.code
    assert 0 < int(written) < 1000
    reopened = open_workspace(home)
    with reopened.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM workspaces").scalar_one() == int(written) + 1
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    reopened.close()


def test_a_home_on_a_disk_too_full_to_begin_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL_UNDER_A_LIMIT, str(tmp_path / "home"), "4096"]
    filled = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert filled.stdout.split() == ["0", StorageFull.code], filled.stderr


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "nonsense hunter2", "oracle://u:hunter2@h/d"])
def test_an_address_of_another_database_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidField, match="ONRAMP_DATABASE_URL") as caught:
        open_database(open_home(tmp_path), url)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_is_a_sentence_without_its_password(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    database = open_database(home, "postgresql://ada:hunter2@127.0.0.1:1/onramp")
    with pytest.raises(Unreachable, match="does not answer") as caught:
        migrate(database, home)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(database)


def test_a_database_and_a_user_that_do_not_exist_are_told_apart(home: Home, postgres_server: PostgresServer) -> None:
    with pytest.raises(StoreUnreadable, match="does not exist"):
        migrate(open_database(home, postgres_server.url("nowhere")), home)
    with pytest.raises(CredentialsRejected, match="refused the login"):
        migrate(open_database(home, postgres_server.url("postgres").replace("postgres@", "nobody_here@")), home)


@pytest.mark.parametrize("setting", ["sslmode=hunter2", "connect_timeout=hunter2", "hunter2=yes"])
def test_a_setting_that_postgres_does_not_take_is_a_sentence(
    home: Home, postgres_server: PostgresServer, setting: str
) -> None:
    with pytest.raises(InvalidField, match="a setting that Postgres does not take") as caught:
        migrate(open_database(home, f"{postgres_server.url('postgres')}?{setting}"), home)
    assert "hunter2" not in str(caught.value)


def test_a_user_who_may_too_little_is_told_what_is_needed(
    home: Home, postgres_store: str, new_postgres_url: Callable[[], str], postgres_server: PostgresServer
) -> None:
    postgres_server.execute("CREATE ROLE visitor LOGIN")
    for url in (postgres_store, new_postgres_url()):  # tables of somebody else; no tables yet
        database = open_database(home, url.replace("postgres@", "visitor@"))
        with pytest.raises(PermissionMissing, match="may not do") as caught:
            migrate(database, home)
        database.close()
        assert "owner of the database" in str(caught.value.hint)
    postgres_server.execute("DROP ROLE visitor")


def test_a_standby_is_a_sentence_and_nothing_is_saved(workspace: Workspace, home: Home, postgres_store: str) -> None:
    standby = open_database(home, f"{postgres_store}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(StoreUnreadable, match="takes no changes"):
        write_offset(workspace, standby, "a")
    assert read_count(standby) == 0
    standby.close()


def test_a_read_only_database_file_is_a_sentence(workspace: Workspace) -> None:
    workspace.close()
    read_only = open_database(workspace.home, f"sqlite:///file:{workspace.home.workspace_db}?mode=ro&uri=true")
    with pytest.raises(StoreUnreadable, match="opened for writing"):
        write_offset(workspace, read_only, "a")
    read_only.close()


def test_only_what_may_be_lost_does_not_wait_for_the_disk(database: Database) -> None:
    sql = "PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit"
    waits, does_not = (2, 1) if database.is_sqlite else ("on", "off")
    for may_be_lost in (False, True, False):  # one connection, lent again and again
        with database.transaction(may_be_lost=may_be_lost) as connection:
            assert connection.exec_driver_sql(sql).scalar_one() == (does_not if may_be_lost else waits)
    with database.reading() as connection:
        assert connection.exec_driver_sql(sql).scalar_one() == waits
