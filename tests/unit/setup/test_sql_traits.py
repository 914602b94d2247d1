"""SQL traits (spec/profiles.md 2.3): the rules of the query, and what becomes of a person who is no longer returned."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from core.building import build_space
from core.errors import CoreError, InvalidField, LimitExceeded, MappingError
from core.identity.rules import add_identifiers
from core.profiles.lookup import get_profile
from core.setup.sql_traits import (
    SqlTraits,
    check_sql_traits,
    create_sql_traits,
    list_sql_traits,
    read_columns,
)
from core.sources.store import create_source
from core.sql_models.sql_model import list_sql_models
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.syncs.schedule import due_syncs
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace

FIRST = [("ada", "ada@x.example", "gold", 12.5), ("bob", "bob@x.example", "free", 0.0)]


@pytest.fixture
def warehouse_id(workspace: Workspace) -> str:
    put(workspace, FIRST)
    return save_warehouse(workspace, kind="duckdb", name="Shop", settings={"path": "shop.duckdb"}).id


def put(workspace: Workspace, rows: list[tuple[str, str, str, float]]) -> None:
    path: Path = workspace.home.warehouses / "shop.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE people (id VARCHAR, mail VARCHAR, plan VARCHAR, spent DOUBLE)")
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)


def run(workspace: Workspace, sync_id: str, space_id: str) -> SyncRun:
    done = execute_run(workspace, request_run(workspace, sync_id).id)
    build_space(workspace, space_id, lambda: False)
    return done


@pytest.mark.parametrize(
    ("key", "columns"), [("user_id", "id AS user_id, plan, spent"), ("email", "mail AS email, plan, spent")]
)
def test_only_changed_rows_are_sent_and_who_is_no_longer_returned_gets_no_value(
    workspace: Workspace, warehouse_id: str, key: str, columns: str
) -> None:
    space = ensure_space(workspace)
    add_identifiers(workspace, space.id, ["user_id", "email"])
    sync = create_sql_traits(
        workspace, space.id, name="Value", warehouse_id=warehouse_id, sql=f"SELECT {columns} FROM people"
    )
    assert (sync.mode, sync.interval_minutes) == ("mirror", 720)
    assert [each.id for each in due_syncs(workspace, workspace.now())] == [sync.id]
    assert run(workspace, sync.id, space.id).sheet.added == 2
    who = "user_id:bob" if key == "user_id" else "email:bob@x.example"
    traits = {trait.key: trait.value for trait in get_profile(workspace, space.id, who).traits}
    assert (traits["plan"], traits["spent"]) == ("free", 0.0)
    put(workspace, [("ada", "ada@x.example", "silver", 12.5)])
    sheet = run(workspace, sync.id, space.id).sheet
    assert (sheet.added, sheet.updated, sheet.deleted_delivered) == (0, 1, 1)
    traits = {trait.key: trait.value for trait in get_profile(workspace, space.id, who).traits}
    assert "plan" not in traits
    ada = "user_id:ada" if key == "user_id" else "email:ada@x.example"
    assert {trait.key: trait.value for trait in get_profile(workspace, space.id, ada).traits}["plan"] == "silver"
    (listed,) = list_sql_traits(workspace)
    assert listed.newest_run is not None
    assert {"plan", "spent"} <= set(listed.columns)


def column(name: str, kind: Kind = Kind.TEXT) -> ColumnType:
    return ColumnType(name, str(kind), kind)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([column("id"), column("plan")], "No column says whose"),
        ([column("group_id"), column("plan")], "No column says whose"),
        ([column("user_id"), column("anonymous_id"), column("plan")], "user_id and anonymous_id"),
        ([column("user_id")], "no trait"),
        ([column("user_id"), column("since", Kind.DATE)], "text or a number"),
        ([column("user_id"), *(column(f"c{n}") for n in range(25))], "26 columns"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_with_a_hint(columns: list[ColumnType], said: str) -> None:
    with pytest.raises(MappingError, match=said) as caught:
        read_columns(columns)
    assert caught.value.hint
    assert read_columns([column("USER_ID"), column("email"), column("N", Kind.FLOAT)]) == SqlTraits(
        "USER_ID", ("email", "N")
    )


def test_nothing_is_made_of_a_query_that_cannot_be_used(workspace: Workspace, warehouse_id: str) -> None:
    space = ensure_space(workspace)
    put(workspace, [*FIRST, ("ada", "a@x.example", "x" * 17_000, 1.0), ("eve", "e@x.example", "a", 1.0)])
    for sql, code in (
        ("SELECT id AS user_id, spent FROM people", "primary_key_not_unique"),
        ("SELECT mail AS email, plan FROM people", "mapping_error"),
        ("DELETE FROM people", "writes"),
    ):
        with pytest.raises(CoreError) as caught:
            create_sql_traits(workspace, space.id, name="Value", warehouse_id=warehouse_id, sql=sql)
        assert caught.value.code == code, sql
    good = "SELECT DISTINCT id AS user_id, length(plan) AS n FROM people WHERE id <> 'ada'"
    assert check_sql_traits(workspace, warehouse_id, good).rows == 2
    with pytest.raises(InvalidField, match="every 30 minutes"):
        create_sql_traits(workspace, space.id, name="Value", warehouse_id=warehouse_id, sql=good, interval_minutes=30)
    for number in range(5):
        create_source(workspace, kind="http", name=f"S{number}")
    with pytest.raises(LimitExceeded):
        create_sql_traits(workspace, space.id, name="Value", warehouse_id=warehouse_id, sql=good)
    assert not list_sql_models(workspace)
    assert not list_sql_traits(workspace)
