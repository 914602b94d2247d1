"""Migrations on both engines of the state store."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from core.errors import CoreError, StoreUnreadable
from core.storage.database import Database, open_database
from core.storage.home import Home
from core.storage.migrate import FOLDER, make_config, migrate, read_head, read_revision, upgrade
from core.storage.tables import METADATA

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("way", ["made at once", "migrated"])
def test_a_store_has_the_tables_of_the_code_and_nothing_else(database: Database, home: Home, way: str) -> None:
    if way == "migrated":
        with database.transaction() as connection:
            upgrade(connection)
    migrate(database, home)

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    assert read_revision(database) == read_head()


def test_the_newest_revision_is_what_alembic_calls_the_head() -> None:
    assert read_head() == ScriptDirectory(str(FOLDER)).get_current_head()


def test_an_up_to_date_store_is_opened_without_reading_alembic(database: Database, home: Home) -> None:
    migrate(database, home)
    code = (
        "import sys; from core.workspaces.workspace import open_workspace;"
        f"open_workspace({str(home.root)!r}, database_url={database.url!r}).close();"
        "print('alembic' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "False"


def test_a_table_that_the_migrations_lack_is_noticed(database: Database, home: Home) -> None:
    migrate(database, home)
    with database.transaction() as connection:
        connection.execute(text("DROP TABLE leases"))

    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) != []


def test_migrating_again_asks_one_question_and_writes_nothing(database: Database, home: Home) -> None:
    migrate(database, home)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _k, sql, *_: statements.append(sql))

    migrate(database, home)

    asked = [" ".join(sql.split()) for sql in statements if not sql.startswith("BEGIN")]
    assert asked == ["SELECT alembic_version.version_num FROM alembic_version"]


def test_stores_of_a_newer_version_are_refused_with_a_sentence(database: Database, home: Home) -> None:
    migrate(database, home)
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreUnreadable, match="newer version of Onramp") as caught:
        migrate(database, home)
    assert caught.value.hint


def test_processes_that_start_together_migrate_once(store_url: str, home: Home) -> None:
    failures: list[CoreError] = []
    gate = threading.Barrier(6)

    def start() -> None:
        database = open_database(home, store_url)
        gate.wait()
        try:
            migrate(database, home)
        except CoreError as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    database = open_database(home, store_url)
    assert set(METADATA.tables) <= set(inspect(database.engine).get_table_names())
    database.close()


def test_violations_of_an_earlier_version_learn_what_they_left_out(database: Database) -> None:
    details = {
        1: (
            "identifier_value_limit_exceeded",
            '{"type": "email", "dropped": {"type": "phone", "value": "1"}}',
        ),
        2: ("id_value_blocked", '{"type": "user_id", "value": "null"}'),
        3: ("no_matching_identifiers", "{}"),
    }
    with database.transaction() as connection:
        command.upgrade(make_config(connection), "0005")
        for offset, (rule, detail) in details.items():
            values = {"offset": offset, "rule": rule, "detail": detail}
            sql = "INSERT INTO violations VALUES ('spa', :offset, 0, :rule, :detail, NULL)"
            connection.execute(text(sql), values)
    with database.transaction() as connection:
        command.upgrade(make_config(connection), "head")
        rows = connection.execute(text("SELECT identifier_type, identifier_value FROM violations ORDER BY log_offset"))
        assert [tuple(row) for row in rows] == [("phone", "1"), ("user_id", "null"), (None, None)]
