"""Rotating a write key: the new one is valid at once, the old one for a grace time, so that no sender is cut off."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from core.errors import IllegalTransition
from core.ids import new_write_key
from core.sources.store import Source, get_source, refuse_protected
from core.storage.tables import sources
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

GRACE = timedelta(days=7)
"""How long the old key is taken: a week, because apps and pages with the old key are in people's hands."""


def rotate_write_key(workspace: Workspace, source_id: str, *, grace: timedelta = GRACE) -> Source:
    """Give the source a new write key; the one before is taken for `grace` longer, the one before that no more.

    Args:
        workspace: Where the source is.
        source_id: Id, slug or name.
        grace: How long the old key is taken; zero refuses it at once, as after a leak.

    Raises:
        IllegalTransition: The setup made the source (W96), or its kind has no write key.
    """
    source = get_source(workspace, source_id)
    refuse_protected(source)
    if source.write_key is None:
        raise IllegalTransition(
            f"The source {source.name!r} has no write key.", hint="Only a source that receives events has one."
        )
    until = workspace.now() + grace
    values = {"write_key": new_write_key(), "old_write_key": source.write_key, "old_key_until": until}
    with workspace.database.transaction() as connection:
        connection.execute(update(sources).where(sources.c.id == source.id).values(**values))
        # The keys themselves stay out of the audit trail.
        record_change(connection, workspace, "rotated", "source", source.id, after={"old_key_until": until.isoformat()})
    return get_source(workspace, source.id)
