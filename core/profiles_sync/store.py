"""Which space is written to which warehouse, how often, and the runs: set up, listed, removed, each change audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import InvalidField, NotFound
from core.ids import new_id, snake_case
from core.profiles.passed_on import pass_on_everything
from core.profiles_sync.layout import get_dialect
from core.storage.tables import (
    profiles_sync_changes,
    profiles_sync_prints,
    profiles_sync_runs,
    profiles_syncs,
)
from core.warehouses.registry import get_definition
from core.warehouses.store import get_warehouse
from core.workspaces.audit import record_change
from core.workspaces.spaces import get_space
from core.workspaces.workspace import Workspace

HOURLY_MINUTES = 60
MAX_RUNS_LISTED = 20


class ProfilesRunState(StrEnum):
    """How far a run has come. An interrupted one is taken up by the next."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ProfilesSync:
    """One space's profiles on their way to one warehouse. Without an interval they are written when asked for.

    `log_offset` is the message up to which the tables of what happened are written; `is_whole` says that nothing of a
    later one is. `profiles_version` tells the profiles as the tables of how things are have them; None where not all of
    them are written. `events_offset` is the message up to which track calls are in tables of their events, where these
    came after the sync; None where none is missing.
    """

    id: str
    space_id: str
    warehouse_id: str
    schema_name: str
    interval_minutes: int | None
    next_run_at: datetime | None
    log_offset: int
    is_whole: bool
    profiles_version: int | None
    events_offset: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProfilesRun:
    """One run: how it ended, how many rows each table was given, and in sentences what found no place in one."""

    id: str
    sync_id: str
    trigger: str
    state: ProfilesRunState
    started_at: datetime
    finished_at: datetime | None
    rows: Mapping[str, int]
    notes: Sequence[str]
    error: Mapping[str, Any] | None


def set_up_profiles_sync(
    workspace: Workspace, space_id: str, warehouse_id: str, *, interval_minutes: int | None = HOURLY_MINUTES
) -> ProfilesSync:
    """Have the space's profiles written to a warehouse; the first run is due at once.

    The schema is named after the space and never changes.

    Raises:
        NotFound: There is no such space or warehouse.
        UnknownConnector: Profiles cannot be written to this kind of warehouse.
        InvalidField: The space is written to a warehouse already, or the interval is out of bounds.
    """
    space, warehouse = get_space(workspace, space_id), get_warehouse(workspace, warehouse_id)
    definition = get_definition(warehouse.kind)
    get_dialect(definition.dialect, definition.label)
    now = workspace.now()
    schema = snake_case(space.slug).encode("ascii", "ignore").decode() or "profiles"
    schema = f"space_{schema}" if not schema[0].isalpha() else schema
    minutes = _check(interval_minutes)
    sync = ProfilesSync(new_id("pfs", now), space.id, warehouse.id, schema, minutes, now, 0, False, None, None, now)
    values = {field: getattr(sync, field) for field in ProfilesSync.__slots__}
    try:
        with workspace.database.transaction() as connection:
            connection.execute(insert(profiles_syncs).values(**values))
            pass_on_everything(connection, sync.id)
            record_change(connection, workspace, "created", "profiles_sync", sync.id, after=_describe(sync))
    except IntegrityError as error:
        raise InvalidField(
            f"The space {space.name!r} is written to a warehouse already.",
            hint="Remove that first; its tables stay in the warehouse.",
        ) from error
    return sync


def find_profiles_sync(workspace: Workspace, space_id: str) -> ProfilesSync | None:
    """Return where the space's profiles are written; None for nowhere."""
    return next((sync for sync in list_profiles_syncs(workspace) if sync.space_id == space_id), None)


def list_profiles_syncs(workspace: Workspace) -> Sequence[ProfilesSync]:
    """Return all of them, oldest first."""
    query = select(profiles_syncs).order_by(profiles_syncs.c.created_at, profiles_syncs.c.id)
    with workspace.database.reading() as connection:
        return [ProfilesSync(**row._mapping) for row in connection.execute(query)]


def get_profiles_sync(workspace: Workspace, sync_id: str) -> ProfilesSync:
    """Return the one with this id.

    Raises:
        NotFound: There is none.
    """
    for sync in list_profiles_syncs(workspace):
        if sync.id == sync_id:
            return sync
    raise NotFound(f"There is no profiles sync {sync_id!r}.", hint="Reload the page; somebody may have removed it.")


def set_interval(workspace: Workspace, sync_id: str, interval_minutes: int | None) -> None:
    """Change how often profiles are written; None: only when somebody asks.

    Raises:
        NotFound, InvalidField: There is no such sync, or the interval is out of bounds.
    """
    before = get_profiles_sync(workspace, sync_id)
    minutes = _check(interval_minutes)
    if minutes == before.interval_minutes:
        return
    next_run_at = None if minutes is None else workspace.now() + timedelta(minutes=minutes)
    with workspace.database.transaction() as connection:
        changed = {"interval_minutes": minutes, "next_run_at": next_run_at}
        connection.execute(update(profiles_syncs).where(profiles_syncs.c.id == sync_id).values(**changed))
        old, new = {"interval_minutes": before.interval_minutes}, {"interval_minutes": minutes}
        record_change(connection, workspace, "updated", "profiles_sync", sync_id, before=old, after=new)


def ask_for_run(workspace: Workspace, sync_id: str) -> None:
    """Have a worker write the profiles as soon as it can."""
    sync = get_profiles_sync(workspace, sync_id)
    with workspace.database.transaction() as connection:
        is_it = profiles_syncs.c.id == sync.id
        connection.execute(update(profiles_syncs).where(is_it).values(next_run_at=workspace.now()))


def remove_profiles_sync(workspace: Workspace, sync_id: str) -> None:
    """Write no more; the tables stay in the warehouse.

    Raises:
        NotFound: There is no such sync.
    """
    sync = get_profiles_sync(workspace, sync_id)
    with workspace.database.transaction() as connection:
        for table in (profiles_sync_prints, profiles_sync_changes, profiles_sync_runs):
            connection.execute(delete(table).where(table.c.sync_id == sync.id))
        connection.execute(delete(profiles_syncs).where(profiles_syncs.c.id == sync.id))
        record_change(connection, workspace, "deleted", "profiles_sync", sync.id, before=_describe(sync))


def list_profiles_runs(workspace: Workspace, sync_id: str) -> Sequence[ProfilesRun]:
    """Return the newest runs, newest first."""
    table = profiles_sync_runs.c
    query = select(profiles_sync_runs).where(table.sync_id == sync_id)
    query = query.order_by(table.started_at.desc(), table.id.desc()).limit(MAX_RUNS_LISTED)
    with workspace.database.reading() as connection:
        rows = connection.execute(query).all()
    return [
        ProfilesRun(**{**row._mapping, "state": ProfilesRunState(row.state), "notes": row.notes or ()}) for row in rows
    ]


def _check(interval_minutes: int | None) -> int | None:
    if interval_minutes is not None and not 15 <= interval_minutes <= 7 * 24 * 60:
        raise InvalidField(
            f"Profiles cannot be written every {interval_minutes:,} minutes.",
            hint="Choose 15 minutes to a week, or write them only when somebody asks.",
        )
    return interval_minutes


def _describe(sync: ProfilesSync) -> dict[str, object]:
    return {
        "space_id": sync.space_id,
        "warehouse_id": sync.warehouse_id,
        "schema_name": sync.schema_name,
        "interval_minutes": sync.interval_minutes,
    }
