"""Step 4, Check configuration: Enable Sources and Test Connections (W83-W87)."""

from __future__ import annotations

from core.checks.runner import OnResult, run_checks
from core.checks.store import CheckRun, get_last_run
from core.setup.data_sources import connect_loose_sources, make_parts
from core.setup.status import get_setup, require_open
from core.setup.steps import Step
from core.workspaces.workspace import Workspace


def run_setup_checks(workspace: Workspace, on_result: OnResult | None = None) -> CheckRun:
    """Enable the sources, connect those that no space reads, and run every check; step 4 is complete if none failed.

    What the setup made by itself is made again where it is missing. The run can be repeated at any time.

    Raises:
        IllegalTransition: Step 4 is locked, because an earlier step is not complete.
        RunInProgress: The checks are running already.
    """
    require_open(get_setup(workspace), Step.CHECK)
    return run_checks_anytime(workspace, on_result)


def run_checks_anytime(workspace: Workspace, on_result: OnResult | None = None) -> CheckRun:
    """Do the same however far the setup has come: a part that is missing is a failed check.

    Before the data source is confirmed nothing is made, because what is made then cannot be taken back.

    Raises:
        RunInProgress: The checks are running already.
    """
    if get_setup(workspace).confirmed:
        make_parts(workspace)
        connect_loose_sources(workspace)
    return run_checks(workspace, on_result)


def get_latest_checks(workspace: Workspace) -> CheckRun | None:
    """Return the newest check run, if there is one."""
    return get_last_run(workspace)
