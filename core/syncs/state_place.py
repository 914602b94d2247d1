"""Where a sync keeps what was acknowledged: a copy inside the warehouse, or beside the workspace only; moving it.

Neither way sends anything again: the truth lies beside the workspace in both (docs/decisions/0009).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import CoreError, IllegalTransition, RunInProgress
from core.sql_models.sql_model import get_sql_model
from core.storage.lease import hold_lease
from core.syncs.diff.registry import DIFF_DIALECTS
from core.syncs.diff.warehouse_diff import WarehouseDiff
from core.syncs.engine import open_state
from core.syncs.run import list_unfinished_runs
from core.syncs.sync import Sync, get_sync
from core.warehouses.registry import open_warehouse
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace


class StatePlace(StrEnum):
    """Where the rows of a sync are compared."""

    WAREHOUSE = "warehouse"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class StateReport:
    """Where a sync's rows are compared. `acknowledged` counts the records that the destination holds.

    `chosen` is what is wanted, `now` what the last run left behind: `local` also where the warehouse compares nothing,
    because the engine cannot, the login may not write, or no run has ended since the choice. `detail` says which, and
    `grant` is the statement that is missing, if it is that. `is_held_up` says that the warehouse was to compare and
    could not. `can_move` is false where the engine compares nothing.
    """

    chosen: StatePlace
    now: StatePlace
    acknowledged: int
    detail: str
    grant: str = ""
    is_held_up: bool = False
    can_move: bool = True


def read_state_place(workspace: Workspace, sync_id: str) -> StateReport:
    """Return where the rows of the sync are compared; the warehouse itself is not asked."""
    sync = get_sync(workspace, sync_id)
    dialect = _read_dialect(workspace, sync)
    with hold_lease(workspace.database, f"sync:{sync.id}"), open_state(workspace, sync.id) as state:
        chosen = StatePlace.LOCAL if state.prints.is_local else StatePlace.WAREHOUSE
        trusted = state.prints.read_generation() is not None
        acknowledged = state.count_acknowledged()
        why, grant = state.prints.why_here, state.prints.missing_grant
    if dialect not in DIFF_DIALECTS:
        detail = "This engine compares nothing inside: every row is read, and what was sent is kept here."
    elif chosen is StatePlace.LOCAL:
        detail = "Every row is read, and what was sent is kept here, beside the workspace."
    elif trusted:
        detail = "The warehouse compares, and only rows that differ leave it."
    elif why:
        detail = f"Every row is read and compared here. {why}"
    else:
        detail = "The next run reads every row once; from then on only rows that differ leave the warehouse."
    now = StatePlace.WAREHOUSE if trusted else StatePlace.LOCAL
    return StateReport(
        chosen, now, acknowledged, detail, grant, is_held_up=bool(why), can_move=dialect in DIFF_DIALECTS
    )


def move_state(workspace: Workspace, sync_id: str, place: StatePlace) -> None:
    """Have the rows of the sync compared elsewhere from the next run on; nothing is sent again.

    Raises:
        RunInProgress: The sync has a run that is not over.
        IllegalTransition: The engine compares nothing inside.
        PermissionMissing: The login may not write; the context holds the missing grant. Nothing is changed.
        CoreError: The warehouse cannot be used, so that its copy could not be dropped or made. Nothing is changed.
    """
    sync = get_sync(workspace, sync_id)
    with hold_lease(workspace.database, f"sync:{sync.id}"):
        if any(run.sync_id == sync.id for run in list_unfinished_runs(workspace)):
            raise RunInProgress(
                f"The sync {sync.name!r} has a run that is not over.", hint="Cancel it or wait, then move its state."
            )
        if _read_dialect(workspace, sync) not in DIFF_DIALECTS:
            raise IllegalTransition(
                f"The warehouse of the sync {sync.name!r} compares nothing inside.",
                hint="Its state is kept beside the workspace; there is nothing to move.",
            )
        with open_state(workspace, sync.id) as state:
            _prepare(workspace, sync, place, was_local=state.prints.is_local)
            state.prints.choose_place(is_local=place is StatePlace.LOCAL)
        with workspace.database.transaction() as connection:
            record_change(connection, workspace, "moved", "sync", sync.id, after={"state_place": str(place)})


def _prepare(workspace: Workspace, sync: Sync, place: StatePlace, *, was_local: bool) -> None:
    with open_warehouse(workspace, get_sql_model(workspace, sync.sql_model_id).warehouse_id) as warehouse:
        diff = WarehouseDiff(warehouse, sync.id)
        if place is StatePlace.WAREHOUSE:
            diff.prepare()
        elif not was_local and diff.read_generation() is not None:
            diff.forget()


def _read_dialect(workspace: Workspace, sync: Sync) -> str:
    try:
        with open_warehouse(workspace, get_sql_model(workspace, sync.sql_model_id).warehouse_id) as warehouse:
            return warehouse.dialect
    except CoreError:
        return ""
