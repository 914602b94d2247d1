"""Several at work on one hosted warehouse: runs at once, somebody's lock, a warehouse that goes away and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from core.errors import CoreError, QueryTimeout, RunInProgress
from core.syncs.diff import warehouse_diff
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, get_run, list_runs, request_cancel, request_run
from core.syncs.state_place import StatePlace, move_state
from core.syncs.sync import Sync
from core.warehouses.postgres import session
from core.workspaces.workspace import Workspace, open_workspace
from tests.crm import Crm
from tests.emulators.door import Door, open_door
from tests.engines import ENGINES, PostgresEngine, open_engine
from tests.postgres import find_binaries, run_postgres

ROWS = 60


@pytest.fixture(params=ENGINES)
def crm(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Crm]:
    with open_engine(request.param, request) as engine:
        yield fill(Crm(workspace, engine), 0)


@pytest.fixture
def postgres_crm(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Crm]:
    """For what our side alone decides."""
    with open_engine("postgres", request) as engine:
        yield fill(Crm(workspace, engine), 0)


@pytest.fixture(params=ENGINES)
def behind_door(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[tuple[Crm, Door]]:
    with open_engine(request.param, request) as engine, open_door(engine.port) as opened:
        yield fill(Crm(workspace, engine, **engine.reached_at(opened.port)), 0), opened


def fill(crm: Crm, visits: int) -> Crm:
    crm.put([(key, f"{key}@x.example", visits) for key in range(ROWS)])
    return crm


def at_once(home: str, works: list[Callable[[Workspace], SyncRun]]) -> list[SyncRun | CoreError]:
    """Do all of `works` at the same time, each in a thread with a workspace of its own, as processes have."""
    start, results = threading.Barrier(len(works)), dict[int, SyncRun | CoreError]()

    def work(number: int, each: Callable[[Workspace], SyncRun]) -> None:
        workspace = open_workspace(home)
        start.wait(20)
        try:
            results[number] = each(workspace)
        except CoreError as error:
            results[number] = error
        finally:
            workspace.close()

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(works))]


def require_known(crm: Crm, sync: Sync) -> None:
    """Require that the warehouse holds what was acknowledged, and that the next run trusts it."""
    assert crm.list_records(sync) == {str(key) for key in range(ROWS)}
    again = crm.run(sync)
    assert (again.sheet.unchanged, again.progress["extracted"]) == (ROWS, 0)


def test_one_run_carried_out_by_two_at_once_is_carried_out_once(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync, home = crm.make_sync(), str(crm.workspace.home.root)
    for visits in range(2):
        fill(crm, visits)
        run_id = request_run(crm.workspace, sync.id).id
        found = at_once(home, [partial(execute_run, run_id=run_id)] * 2)
        told = [each for each in found if isinstance(each, CoreError)]
        assert all(isinstance(each, RunInProgress) and each.message.endswith(".") and each.hint for each in told)
        assert len(told) < 2 and get_run(crm.workspace, run_id).state is RunState.SUCCEEDED
        assert len(crm.list_sent(sync)) == ROWS * (visits + 1)
    require_known(crm, sync)


def test_a_second_run_of_a_sync_that_is_running_is_refused_in_one_sentence(postgres_crm: Crm) -> None:
    crm = postgres_crm
    sync = crm.make_sync()
    refused: list[RunInProgress] = []

    def ask_again(run: SyncRun) -> None:
        for ask in (lambda: request_run(crm.workspace, sync.id), lambda: execute_run(crm.workspace, run.id)):
            if run.state is RunState.DELIVERING and len(refused) < 2:
                with pytest.raises(RunInProgress) as caught:
                    ask()
                refused.append(caught.value)

    run = execute_run(crm.workspace, request_run(crm.workspace, sync.id).id, progress=ask_again)
    assert (run.state, run.sheet.added) == (RunState.SUCCEEDED, ROWS)
    assert len(refused) >= 2, "progress is told by two threads, so it may be asked once more"
    assert all("already running" in error.message or "another process" in error.message for error in refused)
    assert all(error.hint for error in refused) and len(list_runs(crm.workspace, sync.id)) == 1
    require_known(crm, sync)


def test_syncs_of_one_warehouse_run_at_once_from_their_first_run_on(crm: Crm) -> None:
    """The first runs make the schema of ours at the same moment."""
    count = 3 if crm.engine.kind == "postgres" else 2
    syncs, home = [crm.make_sync(f"Sync {number}") for number in range(count)], str(crm.workspace.home.root)
    for visits in range(2):
        fill(crm, visits)
        ids = [request_run(crm.workspace, sync.id).id for sync in syncs]
        for run in at_once(home, [partial(execute_run, run_id=run_id) for run_id in ids]):
            assert isinstance(run, SyncRun) and run.error is None, run
            assert (run.state, run.sheet.delivered) == (RunState.SUCCEEDED, ROWS)
    for sync in syncs:
        require_known(crm, sync)


def test_a_warehouse_that_goes_away_or_loses_our_table_costs_at_most_one_full_read(
    behind_door: tuple[Crm, Door],
) -> None:
    crm, door = behind_door
    sync = crm.make_sync()
    crm.run(sync)
    fill(crm, 1)

    def go_away(run: SyncRun) -> None:
        if run.state is RunState.DELIVERING:
            door.shut_after(0)

    run = execute_run(crm.workspace, request_run(crm.workspace, sync.id).id, progress=go_away)
    assert (run.state, run.sheet.updated, run.error) == (RunState.SUCCEEDED, ROWS, None)
    door.open()
    _require_one_full_read(crm, sync)
    door.shut_after(0)  # between two runs
    door.open()
    require_known(crm, sync)
    crm.engine.run(f"DROP TABLE {crm.name_records(sync)}")
    _require_one_full_read(crm, sync)
    require_known(crm, sync)
    assert len(crm.list_sent(sync)) == 2 * ROWS


def _require_one_full_read(crm: Crm, sync: Sync) -> None:
    run = crm.run(sync)
    assert (run.state, run.sheet.unchanged, run.progress["extracted"]) == (RunState.SUCCEEDED, ROWS, ROWS)


@pytest.mark.parametrize("kind", ["postgres", "redshift"])
def test_a_run_is_cancelled_while_rows_come_and_ends_as_cancelled(
    kind: str, request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    """The emulators have sent all rows before a person could press."""
    with open_engine(kind, request) as engine:
        engine.run(
            "CREATE TABLE crm.customers (id int, email varchar(256), visits int)",
            "INSERT INTO crm.customers SELECT n, 'e', 0 FROM generate_series(1, 1000000) AS n",
        )
        crm = Crm(workspace, engine, is_filled=True)
        sync = crm.make_sync()

        def cancel(run: SyncRun) -> None:
            if run.state is RunState.EXTRACTING and not run.is_cancelling:
                request_cancel(workspace, run.id, "not now")

        run = execute_run(workspace, request_run(workspace, sync.id).id, progress=cancel)
        assert (run.state, run.error) == (RunState.CANCELLED, None) and run.sheet.closes
        assert crm.list_sent(sync) == []


def test_somebodys_lock_on_our_tables_costs_a_full_read_and_is_told_to_who_moves_them(
    workspace: Workspace, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse_diff, "OWN_TIMEOUT_S", 0.5)
    monkeypatch.setattr(session, "LOCK_TIMEOUT_S", 0.5)
    with open_engine("postgres", request) as engine:
        crm = fill(Crm(workspace, engine), 0)
        sync = crm.make_sync()
        crm.run(sync)
        fill(crm, 1)
        with engine.hold(f"LOCK TABLE {crm.name_records(sync)} IN ACCESS EXCLUSIVE MODE"):
            with pytest.raises(QueryTimeout, match=r"held a lock on a table of __onramp for 0\.5 s") as caught:
                move_state(workspace, sync.id, StatePlace.LOCAL)
            assert caught.value.hint and caught.value.retryable
            run = crm.run(sync)
            assert (run.state, run.sheet.updated, run.progress["extracted"]) == (RunState.SUCCEEDED, ROWS, ROWS)
        assert crm.run(sync).sheet.unchanged == ROWS
        require_known(crm, sync)
        assert len(crm.list_sent(sync)) == 2 * ROWS


def test_a_server_that_restarts_between_runs_or_before_it_is_told_costs_nothing(workspace: Workspace) -> None:
    binaries = find_binaries()
    assert binaries is not None
    with run_postgres(binaries) as server:  # of its own: the others' sessions must not end
        crm = fill(Crm(workspace, PostgresEngine(server.url("postgres"))), 0)
        sync = crm.make_sync()
        crm.run(sync)
        server.restart()
        require_known(crm, sync)
        fill(crm, 1)
        restarted: list[str] = []

        def restart(run: SyncRun) -> None:
            if run.state is RunState.DELIVERING and not restarted:
                restarted.append(run.id)
                server.restart()

        run = execute_run(workspace, request_run(workspace, sync.id).id, progress=restart)
        assert run.sheet.updated == ROWS and restarted
        require_known(crm, sync)
        assert len(crm.list_sent(sync)) == 2 * ROWS
