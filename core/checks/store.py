"""Check runs in the store: written while they run, so that another browser sees them live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from core.checks.check import CheckResult, CheckState
from core.storage.lease import is_lease_held
from core.storage.tables import check_runs
from core.workspaces.workspace import Workspace

LEASE = "checks"


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One press of the button: `results` in the order of the registry, `fingerprint` of what was checked."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    state: CheckState
    results: tuple[CheckResult, ...]
    fingerprint: str

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings do not block."""
        return self.state in (CheckState.PASSED, CheckState.WARNING)

    def get_result(self, code: str) -> CheckResult | None:
        """Return the result of one check."""
        return next((result for result in self.results if result.code == code), None)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "id": self.id,
            "state": self.state.value,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "results": [result.to_dict() for result in self.results],
        }


def save_run(workspace: Workspace, run: CheckRun, *, is_new: bool = False) -> None:
    """Write the run as it stands; a new one closes those that a killed process left running."""
    values = {
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "state": run.state.value,
        "results": [result.to_dict() for result in run.results],
        "fingerprint": run.fingerprint,
    }
    with workspace.database.transaction() as connection:
        if is_new:
            left_running = check_runs.c.state == CheckState.RUNNING.value
            connection.execute(
                update(check_runs).where(left_running).values(state=CheckState.FAILED.value, finished_at=run.started_at)
            )
            connection.execute(insert(check_runs).values(id=run.id, **values))
        else:
            connection.execute(update(check_runs).where(check_runs.c.id == run.id).values(**values))


def get_last_run(workspace: Workspace) -> CheckRun | None:
    """Return the newest run, finished or not. One whose process was killed is failed, with checks still pending."""
    runs = list_runs(workspace, limit=1)
    if not runs:
        return None
    run = runs[0]
    if run.state is CheckState.RUNNING and not is_lease_held(workspace.database, LEASE):
        return replace(run, state=CheckState.FAILED)
    return run


def list_runs(workspace: Workspace, *, limit: int = 20) -> Sequence[CheckRun]:
    """Return the newest runs, newest first."""
    query = select(check_runs).order_by(check_runs.c.started_at.desc(), check_runs.c.id.desc()).limit(limit)
    with workspace.database.reading() as connection:
        return [_read(row._mapping) for row in connection.execute(query)]


def _read(row: Mapping[Any, Any]) -> CheckRun:
    results = tuple(CheckResult(**{**item, "state": CheckState(item["state"])}) for item in row["results"])
    return CheckRun(
        row["id"], row["started_at"], row["finished_at"], CheckState(row["state"]), results, row["fingerprint"]
    )
