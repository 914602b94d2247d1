"""Many rows in one statement: the same on both engines, whatever the values hold."""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from core.errors import Unreachable
from core.storage.bulk import (
    delete_in,
    join_between,
    join_in,
    select_among,
    select_in,
    select_rows_in,
    update_in,
    upsert_rows,
    without_waiting,
)
from core.storage.database import ASKED_AFTER_S, Database, open_database
from core.storage.home import Home
from core.storage.tables import identifiers, profile_counts, profiles
from core.workspaces.workspace import Workspace
from tests.postgres import PostgresServer

TEXTS = [
    "",
    " ",
    'say "hi"',
    "back\\slash",
    "{a,b}",
    "NULL",
    "null",
    "tab\tline\nend",
    "\x01",
    "Đặng 山田 😀",
    "it's; --",
]
SPACE = "spa_1"
LARGE = 2**62


def to_row(number: int, text: str) -> tuple[object, ...]:
    merged_into = None if number % 2 else text
    return (SPACE, f"use_{number}", LARGE, -number, 0, merged_into, 0, text)


@pytest.fixture
def database(store_workspace: Workspace) -> Database:
    return store_workspace.database


@pytest.fixture
def stored(database: Database) -> Database:
    with database.transaction() as connection:
        upsert_rows(connection, profiles, [to_row(number, text) for number, text in enumerate(TEXTS)])
    return database


def test_values_come_back_as_they_went_in(stored: Database) -> None:
    with stored.reading() as connection:
        found = connection.execute(select(profiles).order_by(profiles.c.created_offset.desc())).all()
    assert [tuple(row) for row in found] == [to_row(number, text) for number, text in enumerate(TEXTS)]


def test_rows_are_found_by_any_text_and_any_number(stored: Database) -> None:
    table = profiles.c
    with stored.reading() as connection:
        by_text = select_in(connection, (table.id,), {"space_id": SPACE}, "traits", [*TEXTS, "nobody's"])
        by_number = select_rows_in(connection, (table.traits,), {"space_id": SPACE}, "created_offset", [-2, -3, 5])
        two = {"space_id": SPACE, "id": ("use_2", "use_3", "use_4")}
        both = select_rows_in(connection, (table.id,), two, "created_offset", [-3, -4, -9])
        assert select_in(connection, (table.id,), {"space_id": SPACE}, "id", []) == []
    assert sorted(row.id for row in by_text) == sorted(f"use_{number}" for number in range(len(TEXTS)))
    assert sorted(by_number) == sorted([(TEXTS[2],), (TEXTS[3],)])
    assert sorted(both) == [("use_3",), ("use_4",)]


def test_rows_come_as_a_text_a_column_in_one_order(stored: Database) -> None:
    table, its = (profiles.c.id, profiles.c.created_offset, profiles.c.created_at), {"space_id": SPACE}
    with stored.reading() as connection:
        some = join_in(connection, table, its, "created_offset", [-3, -2, 5])
        span = join_between(connection, table, its, "created_offset", -4, -2)
        assert join_in(connection, table, its, "created_offset", []) == ()
        assert join_in(connection, table, its, "created_offset", [5]) == []
        assert join_between(connection, table, {"space_id": "spa_2"}, "created_offset", -4, -2) == []
    rows = [f"use_{number} {-number} {LARGE}" for number in (2, 3, 4)]
    assert sorted(map(" ".join, zip(*(text.split(",") for text in some), strict=True))) == rows[:2]
    assert sorted(map(" ".join, zip(*(text.split(",") for text in span), strict=True))) == rows


def test_pairs_are_found_among_several_names(database: Database) -> None:
    rows = [(SPACE, type_, text, f"{type_}{text}", 1, 2, 3, "src") for type_ in ("email", 'a"b') for text in TEXTS]
    with database.transaction() as connection:
        upsert_rows(connection, identifiers, rows)
    sql = """ SELECT i.profile_id FROM wanted CROSS JOIN identifiers AS i
        WHERE i.space_id = ? AND i.type = wanted.name AND i.value = wanted.value"""
    with database.reading() as connection:
        found = select_among(connection, sql, {"email": TEXTS[:3], 'a"b': TEXTS[3:5], "phone": TEXTS}, [SPACE])
    assert sorted(found) == sorted([(f"email{text}",) for text in TEXTS[:3]] + [(f'a"b{text}',) for text in TEXTS[3:5]])


def test_rows_are_changed_and_deleted_by_their_values(stored: Database) -> None:
    table, its = profiles.c, {"space_id": SPACE}
    with stored.transaction() as connection:
        update_in(connection, table.traits, its, "id", [("use_0", 'new "one"'), ("use_1", "{}"), ("nobody", "lost")])
        update_in(connection, table.merge_count, its, "created_offset", [(-2, 7)])
        assert delete_in(connection, profiles, its, "traits", [TEXTS[4], "nobody's"]) == 1
        assert delete_in(connection, profiles, its, "created_offset", [-5, 99]) == 1
    with stored.reading() as connection:
        found = {row.id: row for row in connection.execute(select(profiles))}
    assert found.keys() == {f"use_{number}" for number in range(len(TEXTS)) if number not in (4, 5)}
    assert (found["use_0"].traits, found["use_1"].traits, found["use_2"].merge_count) == ('new "one"', "{}", 7)
    assert found["use_3"].traits == TEXTS[3] and found["use_3"].merge_count == 0


def test_what_is_there_is_replaced_in_part_or_added_to(stored: Database) -> None:
    with stored.transaction() as connection:
        other = (SPACE, "use_1", 1, 2, 3, "use_0", 9, "changed")
        upsert_rows(connection, profiles, [other], columns=("merge_count",))
        for _ in range(2):
            upsert_rows(connection, profile_counts, [(SPACE, 5, "src", 1, 2, 3)], is_sum=True)
    with stored.reading() as connection:
        row = connection.execute(select(profiles).where(profiles.c.id == "use_1")).one()
        counted = connection.execute(select(profile_counts)).one()
    assert tuple(row) == (*to_row(1, TEXTS[1])[:6], 9, TEXTS[1])
    assert tuple(counted) == (SPACE, 5, "src", 2, 4, 6)


def test_a_statement_that_fails_while_others_are_on_their_way_leaves_nothing(stored: Database) -> None:
    with stored.reading() as connection:
        before = connection.execute(select(profiles)).all()
    with pytest.raises(DBAPIError), stored.transaction() as connection, without_waiting(connection):
        upsert_rows(connection, profiles, [to_row(100, "first")])
        upsert_rows(connection, profiles, [(SPACE, "use_101", None, 0, 0, None, 0, "{}")])  # needs a time
        upsert_rows(connection, profiles, [to_row(102, "behind")])
    with stored.transaction() as connection, without_waiting(connection):
        upsert_rows(connection, profiles, [to_row(103, "again")])
        assert select_rows_in(connection, (profiles.c.traits,), {}, "id", ["use_103"]) == [("again",)]
    with stored.reading() as connection:
        after = connection.execute(select(profiles)).all()
    assert {tuple(row) for row in after} == {tuple(row) for row in before} | {to_row(103, "again")}


def test_a_server_that_was_restarted_while_nobody_asked_is_not_noticed(
    postgres_store: str, postgres_server: PostgresServer, home: Home
) -> None:
    database = open_database(home, postgres_store)
    with database.reading() as connection:
        session = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    postgres_server.execute(f"SELECT pg_terminate_backend({session}, 5000)")
    time.sleep(ASKED_AFTER_S)
    for _ in range(2):
        with database.reading() as connection:
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != session
    database.close()


@pytest.mark.parametrize("waits", [True, False])
def test_a_server_that_ends_the_session_in_the_middle_is_told_as_one_that_does_not_answer(
    postgres_store: str, postgres_server: PostgresServer, home: Home, waits: bool
) -> None:
    database = open_database(home, postgres_store)
    with pytest.raises(Unreachable), database.transaction() as connection:
        session = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres_server.execute(f"SELECT pg_terminate_backend({session}, 5000)")
        with nullcontext() if waits else without_waiting(connection):
            upsert_rows(connection, profiles, [to_row(1, "one")])
            upsert_rows(connection, profiles, [to_row(2, "two")])
    with database.reading() as connection:
        assert connection.execute(select(profiles)).all() == []
    database.close()
