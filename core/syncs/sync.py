"""A sync: a SQL model, a mapping, a destination, which records, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, insert, select, update

from core.destinations.registry import get_action
from core.destinations.store import get_destination
from core.errors import InvalidField, NotFound, VersionConflict
from core.ids import new_id
from core.mappings.mapping import FieldMapping
from core.mappings.validate import require_complete
from core.sql_models.sql_model import get_sql_model
from core.storage.tables import syncs
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

INTERVALS_MINUTES = (15, 30, 60, 120, 240, 360, 480, 720, 1440)
MODES = ("add", "update", "upsert", "delete", "mirror")


@dataclass(frozen=True, slots=True)
class Sync:
    """One saved sync. `interval_minutes` is None for a sync that only a person starts."""

    id: str
    name: str
    sql_model_id: str
    source_id: str
    destination_id: str
    action: str
    mode: str
    mapping: FieldMapping
    interval_minutes: int | None
    enabled: bool
    next_run_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


def save_sync(
    workspace: Workspace,
    *,
    name: str,
    sql_model_id: str,
    source_id: str,
    destination_id: str,
    action: str,
    mapping: FieldMapping,
    mode: str = "upsert",
    interval_minutes: int | None = None,
    sync_id: str | None = None,
    expected_version: int | None = None,
) -> Sync:
    """Make a sync, enabled and due at once when it has an interval, or change the one with `sync_id`.

    Raises:
        MappingError: The mapping is incomplete, or names a column that the SQL model does not return.
        InvalidField: The name is empty or taken; the mode or the interval is none of those there are.
        VersionConflict: The sync was changed since `expected_version`.
    """
    clean = _check_name(workspace, name, sync_id)
    _check_choices(mode, interval_minutes)
    model = get_sql_model(workspace, sql_model_id)
    kind = get_destination(workspace, destination_id).kind
    require_complete(mapping, get_action(kind, action).fields, model.columns)
    now = workspace.now()
    values: dict[str, object] = {
        "name": clean,
        "sql_model_id": sql_model_id,
        "source_id": source_id,
        "destination_id": destination_id,
        "action": action,
        "mode": mode,
        "mapping": mapping.to_dict(),
        "interval_minutes": interval_minutes,
        "updated_at": now,
    }
    if sync_id is not None:
        return _change(workspace, sync_id, values, expected_version)
    values |= {
        "id": new_id("syn", now),
        "enabled": True,
        "next_run_at": now if interval_minutes else None,
        "version": 1,
        "created_at": now,
    }
    with workspace.database.transaction() as connection:
        connection.execute(insert(syncs).values(**values))
        record_change(connection, workspace, "created", "sync", str(values["id"]), after=_audit(values))
    return get_sync(workspace, str(values["id"]))


def list_syncs(workspace: Workspace) -> Sequence[Sync]:
    """Return all syncs, oldest first."""
    with workspace.database.reading() as connection:
        return [_to_sync(row) for row in connection.execute(select(syncs).order_by(syncs.c.created_at, syncs.c.id))]


def get_sync(workspace: Workspace, id_or_name: str) -> Sync:
    """Return the sync with this id, else with this name.

    Raises:
        NotFound: There is none; the hint lists those there are.
    """
    found = list_syncs(workspace)
    for sync in found:
        if sync.id == id_or_name:
            return sync
    for sync in found:
        if sync.name.casefold() == id_or_name.strip().casefold():
            return sync
    names = ", ".join(sync.name for sync in found)
    raise NotFound(
        f"There is no sync {id_or_name!r}.", hint=f"Use one of: {names}." if names else "Create a mapping first."
    )


def set_enabled(workspace: Workspace, sync_id: str, enabled: bool) -> Sync:
    """Enable or disable a sync; a disabled one is not started, by schedule or by hand."""
    return _change(workspace, sync_id, {"enabled": enabled, "updated_at": workspace.now()}, None)


def set_schedule(workspace: Workspace, sync_id: str, interval_minutes: int | None) -> Sync:
    """Change when the sync runs by itself; None: never. The first run by a new interval is due at once.

    Raises:
        InvalidField: The interval is none of those there are.
    """
    sync = get_sync(workspace, sync_id)
    _check_choices(sync.mode, interval_minutes)
    now = workspace.now()
    next_run_at = now if interval_minutes else None
    values = {"interval_minutes": interval_minutes, "next_run_at": next_run_at, "updated_at": now}
    return _change(workspace, sync_id, values, None)


def set_mode(workspace: Workspace, sync_id: str, mode: str) -> Sync:
    """Change which records the sync sends, from its next run on. What was acknowledged stays.

    Raises:
        InvalidField: There is no such mode.
    """
    _check_choices(mode, None)
    return _change(workspace, sync_id, {"mode": mode, "updated_at": workspace.now()}, None)


def move_schedule(workspace: Workspace, sync: Sync) -> None:
    """Set the next run one interval from now. Not a change of configuration: it is not in the audit trail."""
    next_run_at = workspace.now() + timedelta(minutes=sync.interval_minutes) if sync.interval_minutes else None
    with workspace.database.transaction() as connection:
        connection.execute(update(syncs).where(syncs.c.id == sync.id).values(next_run_at=next_run_at))


def _change(workspace: Workspace, sync_id: str, values: Mapping[str, object], expected_version: int | None) -> Sync:
    before = get_sync(workspace, sync_id)
    version = before.version if expected_version is None else expected_version
    with workspace.database.transaction() as connection:
        changed = connection.execute(
            update(syncs).where(syncs.c.id == sync_id, syncs.c.version == version).values(**values, version=version + 1)
        )
        if changed.rowcount == 0:
            raise VersionConflict(
                f"The sync {before.name!r} was changed in another browser; this change was not saved.",
                hint="Reload the page to see the other change, then repeat yours.",
            )
        row = connection.execute(select(syncs).where(syncs.c.id == sync_id)).one()
        after = _audit(dict(row._mapping))
        record_change(connection, workspace, "updated", "sync", sync_id, before=_audit(_to_values(before)), after=after)
    return _to_sync(row)


def _check_name(workspace: Workspace, name: str, sync_id: str | None) -> str:
    clean = " ".join(name.split())
    if not clean:
        raise InvalidField("The sync needs a name.", hint="Give it a name such as 'Customers to profiles'.")
    if any(sync.name.casefold() == clean.casefold() and sync.id != sync_id for sync in list_syncs(workspace)):
        raise InvalidField(f"There is already a sync named {clean!r}.", hint="Choose another name.")
    return clean


def _check_choices(mode: str, interval_minutes: int | None) -> None:
    if mode not in MODES:
        raise InvalidField(f"There is no sync mode {mode!r}.", hint=f"Use one of: {', '.join(MODES)}.")
    if interval_minutes is not None and interval_minutes not in INTERVALS_MINUTES:
        choices = ", ".join(str(minutes) for minutes in INTERVALS_MINUTES)
        raise InvalidField(
            f"A sync cannot run every {interval_minutes} minutes.", hint=f"Use one of: {choices}, or manual."
        )


def _to_sync(row: Row[tuple[object, ...]]) -> Sync:
    values = dict(row._mapping)
    return Sync(**{**values, "mapping": FieldMapping.from_dict(values["mapping"])})


def _to_values(sync: Sync) -> dict[str, object]:
    return {
        "name": sync.name,
        "mode": sync.mode,
        "mapping": sync.mapping.to_dict(),
        "interval_minutes": sync.interval_minutes,
        "enabled": sync.enabled,
        "sql_model_id": sync.sql_model_id,
        "destination_id": sync.destination_id,
    }


def _audit(values: dict[str, object]) -> dict[str, object]:
    kept = ("name", "mode", "mapping", "interval_minutes", "enabled", "sql_model_id", "destination_id")
    return {name: values[name] for name in kept if name in values}
