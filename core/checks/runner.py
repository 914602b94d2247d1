"""Runs every check, one after the other: Enable Sources and Test Connections (W84)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.checks.check import Check, CheckResult, CheckState, Finding, failed, worst_state
from core.checks.configuration import fingerprint, read_configuration
from core.checks.context import CheckContext
from core.checks.registry import CHECKS
from core.checks.store import LEASE, CheckRun, list_runs, save_run
from core.errors import CoreError, InternalError
from core.ids import new_id
from core.incidents import report_incident
from core.sources.store import enable_source, list_sources
from core.storage.lease import hold_lease
from core.workspaces.workspace import Workspace

OnResult = Callable[[CheckResult], None]


def run_checks(
    workspace: Workspace, on_result: OnResult | None = None, *, checks: Sequence[Check] = CHECKS
) -> CheckRun:
    """Enable the sources, then run every check; one that breaks is a failed check, never a broken run.

    Args:
        workspace: The opened workspace.
        on_result: Called when a check starts (state running) and when it ends.
        checks: The checks, in order.

    Returns:
        The finished run, as it is stored.

    Raises:
        RunInProgress: The checks are running already, here or in another process.
    """
    with hold_lease(workspace.database, LEASE):
        return _run(workspace, on_result or (lambda _result: None), checks)


def _run(workspace: Workspace, on_result: OnResult, checks: Sequence[Check]) -> CheckRun:
    enabled_now = _enable_sources(workspace)
    configuration = read_configuration(workspace)
    checks = [check for check in checks if check.definition.applies(configuration)]
    results = [CheckResult(check.definition.code, check.definition.title, CheckState.PENDING) for check in checks]
    now = _choose_start(workspace)
    run = CheckRun(new_id("chk", now), now, None, CheckState.RUNNING, tuple(results), fingerprint(configuration))
    save_run(workspace, run, is_new=True)
    with CheckContext(workspace, configuration, enabled_now=enabled_now) as context:
        for index, check in enumerate(checks):
            results[index] = replace(results[index], state=CheckState.RUNNING)
            on_result(results[index])
            results[index] = _run_one(context, check, results[:index])
            run = replace(run, results=tuple(results))
            save_run(workspace, run)
            on_result(results[index])
    state = worst_state([result.state for result in results])
    run = replace(run, state=state, finished_at=workspace.now())
    save_run(workspace, run)
    return run


def _choose_start(workspace: Workspace) -> datetime:
    """Return now, or the next moment after the newest run: the newest run must stay the last one started."""
    runs = list_runs(workspace, limit=1)
    return max(workspace.now(), runs[0].started_at + timedelta(milliseconds=1)) if runs else workspace.now()


def _enable_sources(workspace: Workspace) -> list[str]:
    disabled = [source for source in list_sources(workspace) if not source.enabled]
    for source in disabled:
        enable_source(workspace, source.id)
    return [source.name for source in disabled]


def _run_one(context: CheckContext, check: Check, earlier: Sequence[CheckResult]) -> CheckResult:
    definition = check.definition
    started = time.monotonic()
    incident = None
    blocker = _find_blocker(definition.needs, earlier)
    if blocker is not None:
        finding = _block(blocker)
    else:
        finding, incident = _look(context, check)
    return CheckResult(
        code=definition.code,
        title=definition.title,
        state=finding.state,
        cause=finding.cause,
        evidence=finding.evidence,
        fix=finding.fix,
        took_ms=round((time.monotonic() - started) * 1000),
        incident=incident,
    )


def _look(context: CheckContext, check: Check) -> tuple[Finding, str | None]:
    try:
        return check.run(context), None
    except InternalError as error:
        return _report_incident(context, check, error)
    except CoreError as error:
        return failed(error.message, f"Code: {error.code}.", error.hint), None
    except Exception as error:  # noqa: BLE001 - a check that breaks must not break the others
        return _report_incident(context, check, error)


def _report_incident(context: CheckContext, check: Check, error: Exception) -> tuple[Finding, str]:
    incident = report_incident(error, context.workspace.now(), f"running the check {check.definition.code}")
    cause = "The check itself broke; this is an error of Onramp, not of your configuration."
    return failed(cause, f"Incident {incident.number}.", incident.hint), incident.number


def _find_blocker(needs: Sequence[str], earlier: Sequence[CheckResult]) -> CheckResult | None:
    stopped = (CheckState.FAILED, CheckState.BLOCKED)
    return next((result for result in earlier if result.code in needs and result.state in stopped), None)


def _block(blocker: CheckResult) -> Finding:
    if blocker.state is CheckState.BLOCKED:  # it names the one that failed
        return Finding(CheckState.BLOCKED, blocker.cause)
    return Finding(CheckState.BLOCKED, f"Not checked: repair {blocker.code}, “{blocker.title}”, first.")
