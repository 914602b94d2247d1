from __future__ import annotations

import logging
import threading

import pytest
from sqlalchemy import update

from core.checks.check import Check, CheckDefinition, CheckResult, CheckState, Finding, failed, passed, warning
from core.checks.context import CheckContext
from core.checks.registry import CHECKS
from core.checks.runner import run_checks
from core.checks.store import get_last_run, list_runs
from core.errors import InternalError, RunInProgress, Unreachable
from core.sources.store import create_source, disable_source, get_source
from core.storage.tables import check_runs
from core.workspaces.workspace import Workspace


def make(code: str, finding: Finding | Exception, *needs: str) -> Check:
    def run(_context: CheckContext) -> Finding:
        if isinstance(finding, Exception):
            raise finding
        return finding

    return Check(CheckDefinition(code, f"Title {code}", "Looks.", needs), run)


def test_a_run_on_an_empty_workspace_ends_and_says_what_is_missing(workspace: Workspace) -> None:
    run = run_checks(workspace)
    assert run.state is CheckState.FAILED
    assert [result.code for result in run.results] == [
        check.definition.code for check in CHECKS if check.definition.code != "C9"
    ]
    assert all(result.fix for result in run.results if result.state is CheckState.FAILED)
    assert not any(result.incident for result in run.results)


def test_results_are_told_live_and_stored_as_they_come(workspace: Workspace) -> None:
    told: list[tuple[str, str]] = []
    stored: list[list[str]] = []

    def on_result(result: CheckResult) -> None:
        told.append((result.code, str(result.state)))
        run = get_last_run(workspace)
        assert run is not None
        stored.append([str(item.state) for item in run.results])

    run = run_checks(workspace, on_result, checks=(make("A", passed("ok")), make("B", warning("hm"))))
    assert told == [("A", "running"), ("A", "passed"), ("B", "running"), ("B", "warning")]
    assert stored[1] == ["passed", "pending"]
    assert get_last_run(workspace) == run
    assert run.state is CheckState.WARNING
    assert run.ok


def test_a_check_that_breaks_is_failed_with_an_incident_and_the_run_goes_on(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    broken = (make("A", ZeroDivisionError("oops")), make("B", InternalError("bug")), make("C", passed("ok")))
    with caplog.at_level(logging.ERROR):
        run = run_checks(workspace, checks=broken)
    assert [str(result.state) for result in run.results] == ["failed", "failed", "passed"]
    incident = run.results[0].incident
    assert incident is not None
    assert incident in caplog.text
    assert incident in run.results[0].evidence
    assert "oops" not in run.results[0].cause


def test_an_error_of_the_tree_becomes_cause_and_fix(workspace: Workspace) -> None:
    run = run_checks(workspace, checks=(make("A", Unreachable("Nobody answers.", hint="Call again.")),))
    result = run.results[0]
    assert (result.cause, result.fix, result.incident) == ("Nobody answers.", "Call again.", None)
    assert "unreachable" in result.evidence


def test_a_check_is_not_run_when_what_it_needs_failed(workspace: Workspace) -> None:
    never = InternalError("never run")
    run = run_checks(workspace, checks=(make("A", failed("no")), make("B", never, "A"), make("C", never, "B")))
    assert run.state is CheckState.FAILED
    for result in run.results[1:]:
        assert (result.state, result.incident) == (CheckState.BLOCKED, None)
        assert result.cause == "Not checked: repair A, “Title A”, first."


def test_a_warning_does_not_hold_back_the_checks_that_need_it(workspace: Workspace) -> None:
    run = run_checks(workspace, checks=(make("A", warning("hm")), make("B", passed("ok"), "A")))
    assert run.results[1].state is CheckState.PASSED


def test_w84_the_run_enables_the_sources_first(workspace: Workspace) -> None:
    source = create_source(workspace, kind="duckdb", name="Demo", warehouse_id="wh")
    disable_source(workspace, source.id)
    run_checks(workspace, checks=())
    assert get_source(workspace, source.id).enabled


def test_a_second_run_at_the_same_time_is_refused(workspace: Workspace) -> None:
    started, finish = threading.Event(), threading.Event()

    def wait(_context: CheckContext) -> Finding:
        started.set()
        assert finish.wait(10)
        return passed("ok")

    check = Check(CheckDefinition("A", "Waits", "Waits."), wait)
    thread = threading.Thread(target=run_checks, args=(workspace,), kwargs={"checks": (check,)})
    thread.start()
    try:
        assert started.wait(10)
        live = get_last_run(workspace)
        assert live is not None
        assert live.state is CheckState.RUNNING
        with pytest.raises(RunInProgress):
            run_checks(workspace, checks=())
    finally:
        finish.set()
        thread.join()
    assert len(list_runs(workspace)) == 1


def test_a_run_whose_process_was_killed_counts_as_failed_and_can_be_repeated(workspace: Workspace) -> None:
    run = run_checks(workspace, checks=(make("A", passed("ok")),))
    with workspace.database.transaction() as connection:  # as it stands in the store after kill -9
        connection.execute(
            update(check_runs).where(check_runs.c.id == run.id).values(state="running", finished_at=None)
        )
    left = get_last_run(workspace)
    assert left is not None
    assert left.state is CheckState.FAILED
    assert run_checks(workspace, checks=(make("A", passed("ok")),)).ok


def test_results_are_plain_json(workspace: Workspace) -> None:
    run = run_checks(workspace, checks=(make("A", passed("ok", "2 rows")),))
    document = run.to_dict()
    assert document["state"] == "passed"
    results = document["results"]
    assert isinstance(results, list)
    assert results[0]["evidence"] == "2 rows"
