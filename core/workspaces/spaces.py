"""Spaces: where profiles live. Two are permitted (W119); the guided setup makes the first (W1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from core.errors import NotFound
from core.ids import new_id, slugify
from core.storage.tables import space_sources, spaces
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

DEFAULT_SPACE_NAME = "Unified profiles"


@dataclass(frozen=True, slots=True)
class Space:
    """A container of profiles with its own identity rules and traits."""

    id: str
    name: str
    slug: str
    kind: str
    created_at: datetime


def ensure_space(workspace: Workspace, name: str = DEFAULT_SPACE_NAME) -> Space:
    """Return the workspace's first space, making it if there is none."""
    existing = list_spaces(workspace)
    if existing:
        return existing[0]
    now = workspace.now()
    space = Space(new_id("spa", now), name, slugify(name), "prod", now)
    with workspace.database.transaction() as connection:
        connection.execute(
            insert(spaces).values(
                id=space.id, name=space.name, slug=space.slug, kind=space.kind, created_at=space.created_at
            )
        )
        record_change(connection, workspace, "created", "space", space.id, after={"name": name, "kind": space.kind})
    return space


def list_spaces(workspace: Workspace) -> Sequence[Space]:
    """Return all spaces, oldest first."""
    with workspace.database.reading() as connection:
        rows = connection.execute(select(spaces).order_by(spaces.c.created_at, spaces.c.id))
        return [Space(**row._mapping) for row in rows]


def get_space(workspace: Workspace, space_id: str) -> Space:
    """Return the space with this id.

    Raises:
        NotFound: There is none.
    """
    for space in list_spaces(workspace):
        if space.id == space_id:
            return space
    raise NotFound(f"There is no profile space {space_id}.", hint="Choose one of the workspace's spaces.")


def connect_source(workspace: Workspace, space_id: str, source_id: str) -> None:
    """Let the space read the source's events; connecting twice changes nothing."""
    if source_id in list_connected_sources(workspace, space_id):
        return
    with workspace.database.transaction() as connection:
        connection.execute(
            insert(space_sources).values(space_id=space_id, source_id=source_id, connected_at=workspace.now())
        )
        record_change(connection, workspace, "connected", "space", space_id, after={"source_id": source_id})


def list_connected_sources(workspace: Workspace, space_id: str) -> set[str]:
    """Return the ids of the sources whose events the space reads."""
    query = select(space_sources.c.source_id).where(space_sources.c.space_id == space_id)
    with workspace.database.reading() as connection:
        return {row.source_id for row in connection.execute(query)}
