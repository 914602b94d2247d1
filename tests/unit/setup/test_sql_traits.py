"""SQL traits (spec/profiles.md 2.3): the rules of the query, and what becomes of a person who is no longer returned."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from core.building import build_space
from core.clock import to_iso
from core.errors import CoreError, InvalidField, LimitExceeded, MappingError, NotFound, RunInProgress
from core.identity.rules import add_identifiers
from core.profiles.api_page import PageRequest
from core.profiles.build import rebuild
from core.profiles.lookup import get_profile
from core.setup.entitlements import Entitled, get_usage
from core.setup.sql_traits import (
    SqlTraits,
    check_sql_traits,
    create_sql_traits,
    delete_sql_traits,
    edit_sql_traits,
    list_sql_traits,
    read_columns,
)
from core.sources.store import create_source
from core.sql_models.sql_model import list_sql_models
from core.syncs.engine import execute_run
from core.syncs.records import search_records
from core.syncs.run import SyncRun, request_run
from core.syncs.schedule import due_syncs
from core.traits.api_accounts import is_known, read_account_traits
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
    build_space(workspace, space_id)
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
    assert get_usage(workspace, Entitled.COMPUTED_TRAITS).used == 0  # W120: traits by SQL do not count
    (listed,) = list_sql_traits(workspace, space.id)
    assert listed.newest_run is not None
    assert list_sql_traits(workspace, "spa_other") == []
    assert {"plan", "spent"} <= set(listed.columns)


def read_account(workspace: Workspace, space_id: str, group_id: str) -> dict[str, object]:
    """Return the account's traits as the Profile API gives them."""
    with workspace.database.reading() as connection:
        if not is_known(connection, space_id, group_id):
            return {}
        page = read_account_traits(workspace, connection, space_id, group_id, PageRequest(limit=10))
    return dict(page.body["traits"])


def test_traits_of_accounts_are_kept_and_taken_away(workspace: Workspace, warehouse_id: str) -> None:
    space = ensure_space(workspace)
    sql = "SELECT plan AS group_id, count(*) AS people, sum(spent) AS spent FROM people GROUP BY plan"
    sync = create_sql_traits(workspace, space.id, name="Value", warehouse_id=warehouse_id, sql=sql)
    other = create_sql_traits(
        workspace, space.id, name="Other", warehouse_id=warehouse_id, sql="SELECT 'free' AS group_id, 1 AS people"
    )
    assert run(workspace, sync.id, space.id).sheet.added == 2
    assert read_account(workspace, space.id, "gold") == {"people": 1, "spent": 12.5}
    rebuild(workspace, space.id)
    build_space(workspace, space.id)
    assert run(workspace, other.id, space.id).sheet.added == 1
    put(workspace, [("ada", "a@x.example", "gold", 13.5), ("eve", "e@x.example", "x" * 501, 1.0)])
    done = run(workspace, sync.id, space.id)
    assert (done.sheet.updated, done.sheet.deleted_delivered, done.sheet.rejected) == (1, 1, 1)
    assert done.sheet.reasons == {"account_id_unusable": 1}
    assert read_account(workspace, space.id, "gold") == {"people": 1, "spent": 13.5}
    assert read_account(workspace, space.id, "free") == {"people": 1}  # the other query says so still
    assert run(workspace, sync.id, space.id).sheet.unchanged == 1
    verbose = PageRequest(limit=10, is_verbose=True)
    with workspace.database.reading() as connection:
        page = read_account_traits(workspace, connection, space.id, "gold", verbose)
    assert page.body["traits"]["people"] == {
        "value": 1,
        "source_id": None,
        "updated_at": to_iso(workspace.now()),
    }


def test_at_each_run_a_row_that_is_too_large_is_rejected_alone(workspace: Workspace, warehouse_id: str) -> None:
    space = ensure_space(workspace)
    add_identifiers(workspace, space.id, ["user_id"])
    sql = "SELECT id AS user_id, plan FROM people"
    sync = create_sql_traits(workspace, space.id, name="Plans", warehouse_id=warehouse_id, sql=sql)
    put(workspace, [*FIRST, ("eve", "e@x.example", "x" * 16 * 1024, 1.0)])
    done = run(workspace, sync.id, space.id)
    assert (done.sheet.added, done.sheet.delivered, done.sheet.rejected) == (2, 2, 1)
    assert done.sheet.reasons == {"row_too_large": 1}
    told = {row["reason"]: row["key"] for row in search_records(workspace, done.id).to_pylist()}
    assert told["The row takes 16 KiB or more: too much for SQL traits."] == "eve"


def test_sql_traits_are_edited_and_deleted(workspace: Workspace, warehouse_id: str) -> None:
    space = ensure_space(workspace)
    add_identifiers(workspace, space.id, ["user_id"])
    sql = "SELECT id AS user_id, plan FROM people"
    sync = create_sql_traits(workspace, space.id, name="Plans", warehouse_id=warehouse_id, sql=sql)
    run(workspace, sync.id, space.id)
    with pytest.raises(InvalidField, match="returns email, and user_id until now"):
        edit_sql_traits(workspace, "Plans", sql="SELECT mail AS email, plan FROM people")
    edited = edit_sql_traits(workspace, "Plans", sql="SELECT id AS user_id, spent FROM people", interval_minutes=60)
    assert (edited.id, edited.interval_minutes, list_sql_traits(workspace)[0].columns) == (sync.id, 60, ("spent",))
    waiting = request_run(workspace, sync.id)
    with pytest.raises(RunInProgress, match="not over"):
        delete_sql_traits(workspace, "Plans")
    assert execute_run(workspace, waiting.id).sheet.updated == 2
    build_space(workspace, space.id)
    state = workspace.home.sync_state / f"{sync.id}.duckdb"
    assert state.exists()
    delete_sql_traits(workspace, "Plans")
    assert not state.exists() and not list_sql_traits(workspace) and not list_sql_models(workspace)
    traits = {trait.key: trait.value for trait in get_profile(workspace, space.id, "user_id:ada").traits}
    assert (traits["plan"], traits["spent"]) == ("gold", 12.5)
    with pytest.raises(NotFound, match="no SQL traits 'Plans'"):
        edit_sql_traits(workspace, "Plans", interval_minutes=60)
    create_sql_traits(workspace, space.id, name="Plans", warehouse_id=warehouse_id, sql=sql)


def column(name: str, kind: Kind = Kind.TEXT) -> ColumnType:
    return ColumnType(name, str(kind), kind)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([column("id"), column("plan")], "No column says whose"),
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
    of_person = read_columns([column("group_id"), column("email"), column("plan")])
    assert (of_person, of_person.is_of_accounts) == (SqlTraits("email", ("group_id", "plan")), False)


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
