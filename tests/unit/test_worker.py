"""The worker: two never do one piece of work, one job's failure stops no other, and what was begun is finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.storage.lease import hold_lease
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, get_run, list_runs, request_run
from core.syncs.sync import set_schedule
from core.worker import Worker, WorkReport
from core.workspaces.workspace import Workspace, open_workspace
from tests.customers import Customers
from tests.feeding import Feed
from tests.new_home import new_home


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


def test_a_round_runs_what_is_queued_and_builds_the_profiles(workspace: Workspace) -> None:
    customers = Customers(workspace)
    Feed(workspace)  # the space gets identifiers; without any there is nobody to build
    run = request_run(workspace, customers.sync.id)
    assert Worker(workspace).run_once() == WorkReport(runs=1, messages=2)
    assert get_run(workspace, run.id).state is RunState.SUCCEEDED
    assert Worker(workspace).run_once() == WorkReport()


def test_a_message_that_arrives_is_not_kept_waiting_for_the_next_round(workspace: Workspace) -> None:
    feed = Feed(workspace)
    worker = Worker(workspace, idle_s=3600.0)
    worker.start()
    try:
        time.sleep(0.3)  # the first round, which finds nothing
        feed.identify("ada")
        deadline = time.monotonic() + 30
        while not feed.owners() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert feed.owners()
    finally:
        worker.stop()


def test_a_round_runs_what_is_due_once(workspace: Workspace) -> None:
    customers = Customers(workspace)
    set_schedule(workspace, customers.sync.id, 15)
    assert Worker(workspace).run_once().runs == 1
    assert Worker(workspace).run_once().runs == 0
    (run,) = list_runs(workspace)
    assert (run.trigger, run.state) == ("schedule", RunState.SUCCEEDED)


def test_work_that_another_worker_holds_is_left_to_it(workspace: Workspace) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)
    with hold_lease(workspace.database, f"sync:{customers.sync.id}"):
        assert Worker(workspace).run_once() == WorkReport()
    assert get_run(workspace, run.id).state is RunState.QUEUED
    assert Worker(workspace).run_once().runs == 1


def test_many_workers_at_once_send_every_record_once(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.put([(f"k{number}", "x", number) for number in range(300)])
    request_run(workspace, customers.sync.id)
    others = [open_workspace(str(workspace.home.root)) for _ in range(3)]
    reports: list[WorkReport] = []
    threads = [threading.Thread(target=lambda w=w: reports.append(Worker(w).run_once())) for w in others]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while Worker(workspace).run_once() != WorkReport():
        pass
    assert [report.failures for report in reports] == [()] * 3
    keys = [origin["rowKey"] for origin in (m["context"]["reverseEtl"] for m in customers.messages())]  # type: ignore[index]
    assert sorted(keys) == sorted(f"k{number}" for number in range(300))
    for other in others:
        other.close()


def test_a_job_that_breaks_stops_no_other_and_is_logged_with_its_number(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)
    state = workspace.home.sync_state / f"{customers.sync.id}.duckdb"
    state.mkdir()  # no state can be opened here: this sync cannot run
    feed = Feed(workspace)
    feed.identify("somebody else")
    report = Worker(workspace).run_once()
    ended = get_run(workspace, run.id)
    assert (ended.state, ended.error and ended.error["code"]) == (RunState.FAILED, "store_unreadable")
    assert report.messages == 1  # the profiles were built all the same
    assert all(incident in caplog.text for incident in report.failures)
    state.rmdir()
    request_run(workspace, customers.sync.id)
    assert Worker(workspace).run_once().messages == 2


def test_what_was_begun_by_a_worker_that_stopped_is_finished_by_the_next(workspace: Workspace) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)
    stopped = Worker(workspace)
    stopped.stop()
    assert stopped.run_once() == WorkReport()
    assert not get_run(workspace, run.id).is_final
    assert Worker(workspace).run_once().runs == 1
    assert get_run(workspace, run.id).state is RunState.SUCCEEDED


def test_a_run_that_died_while_it_delivered_is_finished_by_the_worker(workspace: Workspace) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)

    def die(seen: SyncRun) -> None:
        # the thread that tells of progress meanwhile may see it first
        if seen.state is RunState.DELIVERING and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_run(workspace, run.id, progress=die)
    assert get_run(workspace, run.id).state is RunState.DELIVERING
    assert Worker(workspace).run_once().runs == 1
    finished = get_run(workspace, run.id)
    assert (finished.state, finished.resumed) == (RunState.SUCCEEDED, 1)


def test_a_thread_works_until_it_is_stopped(workspace: Workspace) -> None:
    customers = Customers(workspace)
    worker = Worker(workspace, idle_s=0.01)
    worker.start()
    worker.start()
    run = request_run(workspace, customers.sync.id)
    while not get_run(workspace, run.id).is_final:
        assert worker.is_alive
    worker.stop()
    assert not worker.is_alive
