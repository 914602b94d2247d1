"""Syncs that compare inside their warehouse: only what differs leaves it, and the answer is that of comparing here.

A real Postgres; of Snowflake and BigQuery the emulators. What our side alone decides is told on Postgres.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from core.errors import IllegalTransition, PermissionMissing
from core.mappings.mapping import FieldMapping
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, get_run, request_run
from core.syncs.state_place import StatePlace, move_state, read_state_place
from core.syncs.sync import MODES, save_sync, set_mode
from core.workspaces.workspace import Workspace
from tests.crm import Crm, Row
from tests.customers import Customers
from tests.engines import ENGINES, PostgresEngine, open_engine


@pytest.fixture(params=ENGINES)
def crm(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Crm]:
    with open_engine(request.param, request) as engine:
        yield Crm(workspace, engine)


@pytest.fixture
def postgres_crm(workspace: Workspace, new_postgres_url: Callable[[], str]) -> Crm:
    return Crm(workspace, PostgresEngine(new_postgres_url()))


def read_left(run: SyncRun) -> int:
    """Return how many rows left the warehouse."""
    return run.progress["extracted"]


def test_only_rows_that_differ_leave_the_warehouse_and_a_copy_that_lost_some_is_not_trusted(crm: Crm) -> None:
    sync = crm.make_sync()
    first = crm.run(sync)
    assert (first.state, first.sheet.added, read_left(first)) == (RunState.SUCCEEDED, 2, 2)
    assert crm.list_records(sync) == {"1", "2"}
    again = crm.run(sync)
    assert (again.sheet.extracted, again.sheet.unchanged, read_left(again)) == (2, 2, 0)
    crm.put([(1, "new@x.example", 1), (3, "three@x.example", 3)])
    third = crm.run(sync)
    assert (third.sheet.added, third.sheet.updated, third.sheet.deleted_delivered) == (1, 1, 1)
    assert (third.sheet.extracted, read_left(third)) == (2, 3)
    assert crm.run(sync).sheet.unchanged == 2
    assert all(run.sheet.closes for run in (first, again, third))
    assert crm.list_records(sync) == {"1", "3"}
    crm.engine.run(f"DELETE FROM {crm.name_records(sync)} WHERE record_id = '3'")
    crm.put([(1, "new@x.example", 1)])
    lost = crm.run(sync)
    assert (lost.sheet.deleted_delivered, lost.sheet.unchanged) == (1, 1), "a copy that lost rows is not trusted"


def _change(rows: list[Row], chance: random.Random) -> list[Row]:
    kept = [row for row in rows if chance.random() > 0.15]
    changed = [
        (key, email, chance.randrange(3)) if chance.random() < 0.3 else (key, email, visits)
        for key, email, visits in kept
    ]
    emails = (None, "", "a@x.example", "ä@x.example")
    for _ in range(chance.randrange(4)):
        changed.append((chance.choice([*range(9), None]), chance.choice(emails), chance.randrange(3)))
    return changed


@pytest.mark.parametrize("seed", range(1))
def test_comparing_inside_and_comparing_here_give_the_same_runs(crm: Crm, seed: int) -> None:
    """Random changes, duplicates, missing keys and modes; the copy in the warehouse is dropped now and then."""
    chance = random.Random(seed)
    inside, here = crm.make_sync("Inside"), crm.make_sync("Here")
    move_state(crm.workspace, here.id, StatePlace.LOCAL)
    rows: list[Row] = [(1, "one@x.example", 1), (2, "two@x.example", 2)]
    for _ in range(8 if crm.engine.kind == "postgres" else 3):  # an emulator takes a second for each
        mode = chance.choice(["mirror", "mirror", *MODES])
        for sync in (inside, here):
            set_mode(crm.workspace, sync.id, mode)
        rows = _change(rows, chance)
        crm.put(rows)
        if chance.random() < 0.15:
            crm.engine.drop_state()
        one, other = crm.run(inside), crm.run(here)
        assert one.sheet == other.sheet and one.sheet is not None and one.sheet.closes, (seed, rows)
        assert sorted(map(repr, crm.list_sent(inside))) == sorted(map(repr, crm.list_sent(here)))
    assert read_state_place(crm.workspace, here.id).now is StatePlace.LOCAL


def test_the_state_moves_either_way_and_nothing_is_sent_again(crm: Crm) -> None:
    sync = crm.make_sync()
    crm.run(sync)
    move_state(crm.workspace, sync.id, StatePlace.LOCAL)
    assert crm.engine.list_state_tables() == []
    local = crm.run(sync)
    assert (local.sheet.unchanged, read_left(local)) == (2, 2)
    move_state(crm.workspace, sync.id, StatePlace.WAREHOUSE)
    assert "every row once" in read_state_place(crm.workspace, sync.id).detail
    back = crm.run(sync)
    assert (back.sheet.unchanged, read_left(back)) == (2, 2)
    assert read_left(crm.run(sync)) == 0
    assert len(crm.list_sent(sync)) == 2
    assert read_state_place(crm.workspace, sync.id).now is StatePlace.WAREHOUSE


def test_a_changed_mapping_reads_every_row_once_although_no_row_changed(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync = crm.make_sync()
    crm.run(sync)
    entries = [replace(entry, key="mail") if entry.key == "email" else entry for entry in sync.mapping.entries]
    save_sync(
        crm.workspace,
        name=sync.name,
        sql_model_id=sync.sql_model_id,
        source_id=sync.source_id,
        destination_id=sync.destination_id,
        action=sync.action,
        mapping=FieldMapping(tuple(entries)),
        mode=sync.mode,
        sync_id=sync.id,
    )
    run = crm.run(sync)
    assert (run.sheet.updated, read_left(run)) == (2, 2)
    assert read_left(crm.run(sync)) == 0


def test_a_home_restored_from_a_backup_does_not_trust_the_newer_copy(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync = crm.make_sync()
    crm.run(sync)
    state = crm.workspace.home.sync_state / f"{sync.id}.duckdb"
    backup = shutil.copy(state, state.with_suffix(".backup"))
    crm.put([(1, "new@x.example", 1), (2, "two@x.example", 2)])
    assert crm.run(sync).sheet.updated == 1
    shutil.copy(backup, state)
    run = crm.run(sync)
    assert (run.sheet.updated, run.sheet.unchanged, read_left(run)) == (1, 1, 2)
    assert crm.run(sync).sheet.unchanged == 2


def test_a_read_only_login_keeps_its_state_here_and_moving_it_names_the_grant(
    workspace: Workspace, new_postgres_url: Callable[[], str]
) -> None:
    engine = PostgresEngine(new_postgres_url(), user="only_reads")
    engine.run("CREATE ROLE only_reads LOGIN", "GRANT USAGE ON SCHEMA crm TO only_reads")
    engine.run("ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO only_reads")
    crm = Crm(workspace, engine)
    sync = crm.make_sync()
    assert crm.run(sync).sheet.added == 2
    again = crm.run(sync)
    assert (again.sheet.unchanged, read_left(again)) == (2, 2)
    assert "may not write the state of syncs" in again.sheet.compared_here
    report = read_state_place(workspace, sync.id)
    assert again.sheet.compared_here in report.detail and "only_reads" in report.grant
    with pytest.raises(PermissionMissing) as caught:
        move_state(workspace, sync.id, StatePlace.WAREHOUSE)
    assert "__onramp" in str(caught.value.context["grant"]) and "only_reads" in str(caught.value.context["grant"])
    crm.put([])
    assert crm.run(sync).sheet.reasons == {"empty_result_guard": 2}


def test_a_key_whose_text_differs_between_engines_is_compared_here(postgres_crm: Crm) -> None:
    crm = postgres_crm
    crm.engine.run("ALTER TABLE crm.customers ALTER COLUMN id TYPE numeric(10, 2)")
    sync = crm.make_sync()
    assert crm.run(sync).sheet.added == 2
    again = crm.run(sync)
    assert (again.sheet.unchanged, read_left(again)) == (2, 2)
    assert "The unique identifier id is a numeric(10,2)" in again.sheet.compared_here


def test_a_value_that_the_warehouse_cannot_print_is_compared_here_and_the_run_says_so(postgres_crm: Crm) -> None:
    crm = postgres_crm
    crm.engine.run(
        "CREATE TYPE crm.place AS (city text)",
        "CREATE FUNCTION crm.write(crm.place) RETURNS text LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'there is no text for it' USING ERRCODE = '22000'; END $$",
        "CREATE CAST (crm.place AS text) WITH FUNCTION crm.write(crm.place)",
        "ALTER TABLE crm.customers ALTER COLUMN email TYPE crm.place USING ROW(email)::crm.place",
        "INSERT INTO crm.customers SELECT i, NULL, i FROM generate_series(3, 40000) AS s(i)",
        "UPDATE crm.customers SET email = NULL WHERE id < 3",
        "INSERT INTO crm.customers VALUES (40001, ROW('Rome'), 1)",  # so that the failure comes in the middle
    )
    sync = crm.make_sync()
    first = crm.run(sync)
    assert (first.state, first.sheet.added, first.sheet.closes) == (RunState.SUCCEEDED, 40_001, True)
    assert "failed to compare" in first.sheet.compared_here
    report = read_state_place(crm.workspace, sync.id)
    assert (report.chosen, report.now) == (StatePlace.WAREHOUSE, StatePlace.LOCAL)
    assert first.sheet.compared_here in report.detail
    again = crm.run(sync)
    assert (again.sheet.unchanged, read_left(again), again.sheet.compared_here) == (
        *(40_001, 40_001),
        first.sheet.compared_here,
    )
    crm.engine.run("DROP CAST (crm.place AS text)")
    move_state(crm.workspace, sync.id, StatePlace.WAREHOUSE)  # tries anew
    assert crm.run(sync).sheet.compared_here == ""
    assert read_left(crm.run(sync)) == 0
    assert len(crm.list_sent(sync)) == 40_001


def test_a_model_that_fails_by_itself_fails_the_run_and_is_not_blamed_on_the_comparison(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync = crm.make_sync()
    crm.run(sync)
    view = "CREATE VIEW crm.customers AS SELECT id, email, 1 / (visits - visits) AS visits FROM crm.gone"
    crm.engine.run("ALTER TABLE crm.customers RENAME TO gone", view)
    failed = crm.run(sync)
    assert failed.state is RunState.FAILED and failed.error is not None
    assert "failed to compare" not in read_state_place(crm.workspace, sync.id).detail


def test_an_engine_that_compares_nothing_inside_has_nothing_to_move(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    assert "compares nothing inside" in read_state_place(workspace, customers.sync.id).detail
    with pytest.raises(IllegalTransition, match="compares nothing inside"):
        move_state(workspace, customers.sync.id, StatePlace.WAREHOUSE)


def test_a_run_that_died_before_the_warehouse_was_told_is_finished_and_tells_it(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync = crm.make_sync()
    crm.run(sync)
    crm.put([(1, "new@x.example", 1), (2, "two@x.example", 2)])
    run = request_run(crm.workspace, sync.id)
    killed = []

    def die(seen: SyncRun) -> None:
        if seen.state is RunState.DELIVERING and not killed:
            killed.append(seen.id)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_run(crm.workspace, run.id, progress=die)
    assert get_run(crm.workspace, run.id).state is RunState.DELIVERING
    finished = execute_run(crm.workspace, run.id)
    assert (finished.state, finished.sheet.updated, finished.resumed) == (RunState.SUCCEEDED, 1, 1)
    assert read_left(crm.run(sync)) == 0
    assert len(crm.list_sent(sync)) == 3
