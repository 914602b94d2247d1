"""The real objects that the setup's steps are judged by, read afresh each time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from core.checks.configuration import describe_changes, fingerprint, read_configuration
from core.checks.store import CheckRun, get_last_run
from core.destinations.registry import get_action
from core.destinations.store import DestinationRecord, get_destination
from core.errors import NotFound
from core.identity.rules import IdentifierRule, list_rules
from core.mappings.validate import MappingIssue, validate_mapping
from core.setup.record import Finished, SetupRecord
from core.sources.store import Source, get_source, list_sources
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.syncs.sync import Sync, get_sync
from core.traits.computed_trait import ComputedTrait
from core.traits.store import list_traits
from core.warehouses.store import WarehouseRecord, get_warehouse
from core.workspaces.spaces import Space, list_connected_sources, list_spaces
from core.workspaces.workspace import Access, Workspace, get_workspace_info

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class EventConnection:
    """A website or an app of the setup: its source, whether the space reads it, and how its test ended."""

    source: Source
    is_connected: bool
    finished: Finished | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What exists. An object that a pointer names and that is gone is None."""

    access: Access
    branch: str | None
    confirmed_at: datetime | None
    space: Space | None
    warehouse: WarehouseRecord | None
    source: Source | None
    is_source_connected: bool
    sql_model: SqlModel | None
    previewed_version: int | None
    sync: Sync | None
    destination: DestinationRecord | None
    website: EventConnection | None
    mobile: EventConnection | None
    mapping_issues: tuple[MappingIssue, ...]
    identifiers: tuple[IdentifierRule, ...]
    traits: tuple[ComputedTrait, ...]
    traits_saved_at: datetime | None
    check_run: CheckRun | None
    changes_since_check: str


def read_facts(workspace: Workspace, record: SetupRecord) -> Facts:
    """Return the objects that the record points to, as they are now."""
    spaces = list_spaces(workspace)
    space = spaces[0] if spaces and record.confirmed_at else None
    warehouse = _find(get_warehouse, workspace, record.get_id("warehouse_id"))
    source = _find_source(workspace, warehouse)
    sql_model = _find(get_sql_model, workspace, record.get_id("sql_model_id"))
    sync = _find(get_sync, workspace, record.get_id("sync_id"))
    destination = _find(get_destination, workspace, sync.destination_id) if sync else None
    connected = list_connected_sources(workspace, space.id) if space else set()
    check_run = get_last_run(workspace)
    return Facts(
        access=get_workspace_info(workspace).access,
        branch=record.branch,
        confirmed_at=record.confirmed_at,
        space=space,
        warehouse=warehouse,
        source=source,
        is_source_connected=source is not None and source.id in connected,
        sql_model=sql_model,
        previewed_version=_read_int(record, "previewed_version"),
        sync=sync,
        destination=destination,
        website=_find_events(workspace, record, "website", connected),
        mobile=_find_events(workspace, record, "mobile", connected),
        mapping_issues=_validate(sync, sql_model, destination),
        identifiers=tuple(rule for rule in list_rules(workspace, space.id) if not rule.external_only) if space else (),
        traits=tuple(list_traits(workspace, space.id)) if space else (),
        traits_saved_at=_read_time(record, "traits_saved_at"),
        check_run=check_run,
        changes_since_check=_describe_changes(workspace, check_run),
    )


def _find(read: Callable[[Workspace, str], Found], workspace: Workspace, object_id: str | None) -> Found | None:
    if object_id is None:
        return None
    try:
        return read(workspace, object_id)
    except NotFound:
        return None


def _find_source(workspace: Workspace, warehouse: WarehouseRecord | None) -> Source | None:
    if warehouse is None:
        return None
    return next((source for source in list_sources(workspace) if source.warehouse_id == warehouse.id), None)


def _find_events(
    workspace: Workspace, record: SetupRecord, name: str, connected: Collection[str]
) -> EventConnection | None:
    source = _find(get_source, workspace, record.get_id(f"{name}_source_id"))
    if source is None:
        return None
    finished = record.get_id(f"{name}_finished")
    return EventConnection(source, source.id in connected, Finished(finished) if finished else None)


def _validate(
    sync: Sync | None, sql_model: SqlModel | None, destination: DestinationRecord | None
) -> tuple[MappingIssue, ...]:
    if sync is None or sql_model is None or destination is None:
        return ()
    return tuple(validate_mapping(sync.mapping, get_action(destination.kind, sync.action).fields, sql_model.columns))


def _describe_changes(workspace: Workspace, check_run: CheckRun | None) -> str:
    if check_run is None:
        return ""
    return describe_changes(check_run.fingerprint, fingerprint(read_configuration(workspace)))


def _read_int(record: SetupRecord, name: str) -> int | None:
    value = record.state.get(name)
    return value if isinstance(value, int) else None


def _read_time(record: SetupRecord, name: str) -> datetime | None:
    value = record.state.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else None
