"""Sync runs: asked for, going, finished; progress and cancel travel through the store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, insert, select, update

from core.errors import ConfigurationError, IllegalTransition, NotFound, RunInProgress
from core.ids import new_id
from core.storage.tables import sync_runs
from core.syncs.sheet import BalanceSheet
from core.syncs.sync import get_sync
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace


class RunState(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    EXTRACTING = "extracting"
    COMPARING = "comparing"
    DELIVERING = "delivering"
    SUCCEEDED = "succeeded"
    PARTLY_SUCCEEDED = "partly_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


CONFIRMED = "confirmed"
"""The trigger of a run whose person agreed that every record is deleted when the SQL model returns no rows."""

FINAL_STATES = (RunState.SUCCEEDED, RunState.PARTLY_SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True)
class SyncRun:
    """One run. `progress` counts `extracted`, `due`, `done`; `resumed` says how often a crash was overcome."""

    id: str
    sync_id: str
    state: RunState
    trigger: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_reason: str | None
    resumed: int
    progress: dict[str, int]
    sheet: BalanceSheet | None
    error: dict[str, object] | None

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return self.state in FINAL_STATES

    @property
    def is_cancelling(self) -> bool:
        """Whether a person asked the run to stop and it has not stopped yet."""
        return self.cancel_reason is not None and not self.is_final


def request_run(workspace: Workspace, sync_id: str, trigger: str = "manual") -> SyncRun:
    """Queue a run; a worker, or `engine.execute_run`, carries it out.

    Args:
        workspace: The opened workspace.
        sync_id: Whose run.
        trigger: Who asked: `manual`, `schedule`, `first`, or `CONFIRMED`.

    Raises:
        RunInProgress: The sync has a run that is not over.
        ConfigurationError: The sync is disabled.
    """
    sync = get_sync(workspace, sync_id)
    if not sync.enabled:
        raise ConfigurationError(f"The sync {sync.name!r} is disabled.", hint="Enable it, then start it again.")
    now = workspace.now()
    run_id = new_id("run", now)
    with workspace.database.transaction() as connection:
        unfinished = select(sync_runs.c.id).where(
            sync_runs.c.sync_id == sync.id, sync_runs.c.state.not_in([str(state) for state in FINAL_STATES])
        )
        if connection.execute(unfinished).first() is not None:
            raise RunInProgress(
                f"The sync {sync.name!r} is already running.", hint="Wait until the run is over, or cancel it."
            )
        connection.execute(
            insert(sync_runs).values(
                id=run_id,
                sync_id=sync.id,
                state=RunState.QUEUED,
                trigger=trigger,
                requested_at=now,
                resumed=0,
                progress={},
            )
        )
    return get_run(workspace, run_id)


def take_up_run(workspace: Workspace, sync_id: str) -> SyncRun:
    """Return the oldest run of the sync that is not over; where there is none, queue one as `request_run` does.

    Raises:
        ConfigurationError: The sync is disabled.
    """
    while True:
        for run in list_unfinished_runs(workspace):
            if run.sync_id == sync_id:
                return run
        with suppress(RunInProgress):  # a schedule queued one in between
            return request_run(workspace, sync_id)


def request_cancel(workspace: Workspace, run_id: str, reason: str = "cancelled by a person") -> SyncRun:
    """Ask a run to stop after the batch it is sending; records not sent are held and come up again next time.

    Raises:
        IllegalTransition: The run is over.
    """
    run = get_run(workspace, run_id)
    if run.is_final:
        raise IllegalTransition("The run is already over.", hint="There is nothing to cancel.")
    with workspace.database.transaction() as connection:
        connection.execute(
            update(sync_runs)
            .where(sync_runs.c.id == run_id, sync_runs.c.state.not_in([str(state) for state in FINAL_STATES]))
            .values(cancel_reason=reason)
        )
        record_change(connection, workspace, "cancelled", "sync_run", run_id, after={"reason": reason})
    return get_run(workspace, run_id)


def list_runs(workspace: Workspace, sync_id: str | None = None, *, limit: int = 50) -> Sequence[SyncRun]:
    """Return the newest runs, newest first."""
    query = select(sync_runs).order_by(sync_runs.c.requested_at.desc(), sync_runs.c.id.desc()).limit(limit)
    if sync_id is not None:
        query = query.where(sync_runs.c.sync_id == sync_id)
    with workspace.database.reading() as connection:
        return [_to_run(row) for row in connection.execute(query)]


def list_unfinished_runs(workspace: Workspace) -> Sequence[SyncRun]:
    """Return queued, going and interrupted runs, oldest first."""
    query = (
        select(sync_runs)
        .where(sync_runs.c.state.not_in([str(state) for state in FINAL_STATES]))
        .order_by(sync_runs.c.requested_at)
    )
    with workspace.database.reading() as connection:
        return [_to_run(row) for row in connection.execute(query)]


def get_run(workspace: Workspace, run_id: str) -> SyncRun:
    """Return the run with this id.

    Raises:
        NotFound: There is none.
    """
    with workspace.database.reading() as connection:
        row = connection.execute(select(sync_runs).where(sync_runs.c.id == run_id)).first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}.", hint="List the runs of the sync.")
    return _to_run(row)


def update_run(workspace: Workspace, run_id: str, **values: object) -> None:
    """Write state, progress or result of a run."""
    with workspace.database.transaction() as connection:
        connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(**values))


def _to_run(row: Row[tuple[object, ...]]) -> SyncRun:
    values = dict(row._mapping)
    sheet = values["sheet"]
    return SyncRun(
        **{
            **values,
            "state": RunState(values["state"]),
            "sheet": None if sheet is None else BalanceSheet.from_dict(sheet),
        }
    )
