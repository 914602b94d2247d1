"""Undos of large families, which a worker does: asked for on a page, watched or left, done in the background.

A job is a row. Whoever does it holds the lease of the space's undos; a process that is killed leaves the row, and the
next worker begins again: until the end nothing is written but how far it has come. The transaction that ends an undo
takes its row away, so what is done is not done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from core.errors import CoreError, InternalError
from core.incidents import report_incident
from core.profiles.split_plan import Act
from core.profiles.trait_engine import TraitEngine
from core.profiles.undo import SplitProgress, split
from core.storage.lease import hold_lease
from core.storage.tables import undo_jobs
from core.workspaces.workspace import Workspace

MAX_STARTS = 3
TELL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class UndoJob:
    """One undo, or its undo, that waits, runs or has failed; `error` is why, as plain JSON."""

    space_id: str
    act: Act
    survivor_id: str
    merged_id: str
    requested_at: datetime
    requested_by: str
    starts: int
    progress: SplitProgress
    error: Mapping[str, Any] | None


def request_undo(workspace: Workspace, space_id: str, act: Act, survivor_id: str, merged_id: str) -> None:
    """Ask for the undo of a merge, or for the undo of that; asking again has one that failed tried once more."""
    asked = {"act": act, "requested_at": workspace.now(), "requested_by": workspace.actor}
    values = {**asked, "starts": 0, "progress": {}, "error": None}
    key = {"space_id": space_id, "survivor_id": survivor_id, "merged_id": merged_id}
    with workspace.database.transaction() as connection:
        where = [undo_jobs.c[name] == value for name, value in key.items()]
        row = connection.execute(select(undo_jobs).where(*where).with_for_update()).first()
        if row is None:
            connection.execute(insert(undo_jobs).values(**key, **values))
        elif row.error is not None:
            connection.execute(update(undo_jobs).where(*where).values(values))


def list_undo_jobs(workspace: Workspace, space_id: str | None = None) -> list[UndoJob]:
    """Return the jobs of a space, or of all, that are not done, the oldest first."""
    table = undo_jobs.c
    query = select(undo_jobs).order_by(table.requested_at, table.merged_id)
    if space_id is not None:
        query = query.where(table.space_id == space_id)
    with workspace.database.reading() as connection:
        return [_to_job(row) for row in connection.execute(query)]


def cancel_undo(workspace: Workspace, job: UndoJob) -> None:
    """Take a job away: one that waits or runs ends without any change, one that failed is no longer shown."""
    with workspace.database.transaction() as connection:
        connection.execute(delete(undo_jobs).where(*_is(job)))


def carry_out_undos(workspace: Workspace, engine: TraitEngine, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Do the jobs that wait, and return how many were done.

    Raises:
        RunInProgress: Another worker is at it, or the profiles are being built; it is tried again.
        CoreError: One failed; the failure is kept with it.
    """
    done = 0
    for job in list_undo_jobs(workspace):
        if job.error is not None or is_stopping():
            continue
        with hold_lease(workspace.database, f"undo:{job.space_id}"):
            done += _carry_out(workspace, job, engine, is_stopping)
    return done


class _Ended(Exception):
    """Somebody took the job away, or the worker stops."""


def _carry_out(workspace: Workspace, job: UndoJob, engine: TraitEngine, is_stopping: Callable[[], bool]) -> bool:
    if job.starts >= MAX_STARTS:
        died = InternalError(
            f"The undo was started {job.starts} times and never came to its end.",
            hint="The machine may be short of memory or disk. Give it more, then press Try again.",
        )
        _write(workspace, job, error=died.to_dict())
        raise died
    if not _write(workspace, job, starts=job.starts + 1):
        return False
    teller = _Teller(workspace, job, is_stopping)
    try:
        split(
            replace(workspace, actor=job.requested_by),
            job.space_id,
            job.act,
            job.merged_id,
            engine,
            survivor_id=job.survivor_id,
            progress=teller.tell,
            finish=teller.finish,
        )
    except _Ended:
        _write(workspace, job, starts=job.starts)
        return False
    except CoreError as error:
        with suppress(CoreError):
            kept = {"starts": job.starts} if error.retryable else {"error": error.to_dict()}
            _write(workspace, job, **kept)
        raise
    except Exception as error:  # whatever it was, the page must say that it failed, and how to find out
        problem = report_incident(error, workspace.now(), f"undoing the merge of {job.merged_id}")
        _write(workspace, job, error=problem.to_dict())
        raise problem from error
    return True


class _Teller:
    """Writes now and then how far a job has come, and ends it when it is time."""

    def __init__(self, workspace: Workspace, job: UndoJob, is_stopping: Callable[[], bool]) -> None:
        self._workspace, self._job, self._is_stopping = workspace, job, is_stopping
        self._next = 0.0

    def tell(self, progress: SplitProgress) -> None:
        if self._is_stopping():
            raise _Ended
        if time.monotonic() >= self._next:
            if not _write(self._workspace, self._job, progress=asdict(progress)):
                raise _Ended
            self._next = time.monotonic() + TELL_EVERY_S

    def finish(self, connection: Connection) -> None:
        """Take the job's row away in the transaction that does what it asks for."""
        if not connection.execute(delete(undo_jobs).where(*_is(self._job))).rowcount:
            raise _Ended


def _write(workspace: Workspace, job: UndoJob, **values: object) -> bool:
    with workspace.database.transaction() as connection:
        return bool(connection.execute(update(undo_jobs).where(*_is(job)).values(values)).rowcount)


def _is(job: UndoJob) -> list[Any]:
    table = undo_jobs.c
    return [table.space_id == job.space_id, table.survivor_id == job.survivor_id, table.merged_id == job.merged_id]


def _to_job(row: Row[*tuple[Any, ...]]) -> UndoJob:
    values = {**row._mapping, "act": Act(row.act), "progress": SplitProgress(**row.progress)}
    return UndoJob(**values)
