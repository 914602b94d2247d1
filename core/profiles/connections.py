"""Disconnecting a source from a space, and connecting it again: both count from a place in the event log on.

What the source brought while it was connected stays on the profiles, also when they are built again, and when it is
deleted.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, select, update

from core.errors import NotFound
from core.profiles.reading import take_position
from core.storage.tables import space_sources
from core.workspaces.audit import record_change
from core.workspaces.spaces import connect_source
from core.workspaces.spans import Spans, close_span, is_open, open_span, read_spans, write_spans
from core.workspaces.workspace import Workspace


def disconnect_source(workspace: Workspace, space_id: str, source_id: str) -> None:
    """Let no message of the source that comes from now on reach the space. The event log goes on taking them.

    Raises:
        NotFound: The space does not read the source.
    """
    with workspace.database.transaction() as connection:
        position = take_position(connection, workspace, space_id)
        spans = _read_spans(connection, space_id, source_id)
        if spans is None or not is_open(spans):
            raise NotFound("The space does not read this source.", hint="Reload the list; somebody was faster.")
        _write_spans(connection, space_id, source_id, close_span(spans, position))
        record_change(connection, workspace, "disconnected", "space", space_id, before={"source_id": source_id})


def connect_from_now(workspace: Workspace, space_id: str, source_id: str) -> None:
    """Let the space read the source's messages that come from now on, and none that came while it was disconnected.

    A source that the space never read is read from its first message on.

    Raises:
        NotFound: There is no such space.
    """
    with workspace.database.transaction() as connection:
        position = take_position(connection, workspace, space_id)
        spans = _read_spans(connection, space_id, source_id)
        if spans is not None and not is_open(spans):
            _write_spans(connection, space_id, source_id, open_span(spans, position))
            after = {"source_id": source_id, "from_now": True}
            record_change(connection, workspace, "connected", "space", space_id, after=after)
    if spans is None:
        connect_source(workspace, space_id, source_id)


def list_disconnected_sources(workspace: Workspace, space_id: str) -> set[str]:
    """Return the ids of the sources that the space has read and reads no longer."""
    query = select(space_sources.c.source_id, space_sources.c.spans).where(space_sources.c.space_id == space_id)
    with workspace.database.reading() as connection:
        return {row.source_id for row in connection.execute(query) if not is_open(read_spans(row.spans))}


def _read_spans(connection: Connection, space_id: str, source_id: str) -> Spans | None:
    query = select(space_sources.c.spans).where(_is(space_id, source_id)).with_for_update()
    text = connection.execute(query).scalar()
    return None if text is None else read_spans(text)


def _write_spans(connection: Connection, space_id: str, source_id: str, spans: Spans) -> None:
    connection.execute(update(space_sources).where(_is(space_id, source_id)).values(spans=write_spans(spans)))


def _is(space_id: str, source_id: str) -> ColumnElement[bool]:
    return and_(space_sources.c.space_id == space_id, space_sources.c.source_id == source_id)
