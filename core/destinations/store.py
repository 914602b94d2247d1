"""Destinations of the workspace: make, enable, list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from core.destinations.registry import get_definition
from core.errors import InvalidField, NotFound
from core.ids import new_id
from core.storage.tables import destinations
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

SEGMENT_PROFILES_NAME = "Segment Profiles"


@dataclass(frozen=True, slots=True)
class DestinationRecord:
    """One saved destination."""

    id: str
    kind: str
    name: str
    enabled: bool
    settings: dict[str, object]
    created_at: datetime


def create_destination(
    workspace: Workspace, *, kind: str, name: str, settings: dict[str, object] | None = None
) -> DestinationRecord:
    """Save a new destination, enabled.

    Raises:
        UnknownConnector: There is no such kind.
        InvalidField: The name is empty or taken.
    """
    get_definition(kind)
    clean = " ".join(name.split())
    if not clean or any(item.name.casefold() == clean.casefold() for item in list_destinations(workspace)):
        raise InvalidField(f"The destination name {name!r} is empty or taken.", hint="Choose another name.")
    now = workspace.now()
    record = DestinationRecord(new_id("dst", now), kind, clean, True, dict(settings or {}), now)
    with workspace.database.transaction() as connection:
        connection.execute(
            insert(destinations).values(
                id=record.id, kind=kind, name=clean, enabled=True, settings=record.settings, created_at=now
            )
        )
        record_change(connection, workspace, "created", "destination", record.id, after={"kind": kind, "name": clean})
    return record


def ensure_segment_profiles(workspace: Workspace) -> DestinationRecord:
    """Return the Segment Profiles destination, making it if there is none."""
    for record in list_destinations(workspace):
        if record.kind == "segment_profiles":
            return record
    return create_destination(workspace, kind="segment_profiles", name=SEGMENT_PROFILES_NAME)


def list_destinations(workspace: Workspace) -> Sequence[DestinationRecord]:
    """Return all destinations, oldest first."""
    query = select(destinations).order_by(destinations.c.created_at, destinations.c.id)
    with workspace.database.reading() as connection:
        return [DestinationRecord(**row._mapping) for row in connection.execute(query)]


def get_destination(workspace: Workspace, destination_id: str) -> DestinationRecord:
    """Return the destination with this id.

    Raises:
        NotFound: There is none.
    """
    for record in list_destinations(workspace):
        if record.id == destination_id:
            return record
    raise NotFound(f"There is no destination {destination_id!r}.", hint="Create the mapping again.")


def set_destination_enabled(workspace: Workspace, destination_id: str, enabled: bool) -> None:
    """Enable or disable a destination; a disabled one receives nothing."""
    before = get_destination(workspace, destination_id)
    if before.enabled == enabled:
        return
    with workspace.database.transaction() as connection:
        connection.execute(update(destinations).where(destinations.c.id == destination_id).values(enabled=enabled))
        record_change(
            connection,
            workspace,
            "enabled" if enabled else "disabled",
            "destination",
            destination_id,
            before={"enabled": before.enabled},
            after={"enabled": enabled},
        )
