"""How long events are kept: for ever, or for a number of days after the one on which they were received."""

from __future__ import annotations

from sqlalchemy import select, update

from core.errors import InvalidField
from core.storage.tables import workspaces
from core.workspaces.audit import record_change
from core.workspaces.workspace import WORKSPACE_ID, Workspace

MIN_KEEP_DAYS = 7
"""A device that was offline and a builder that was stopped still find their events within a week."""
MAX_KEEP_DAYS = 3_650


def get_keep_days(workspace: Workspace) -> int | None:
    """Return for how many days events are kept; None for ever."""
    with workspace.database.reading() as connection:
        days: int | None = connection.execute(select(workspaces.c.keep_events_days)).scalar_one()
    return days


def set_keep_days(workspace: Workspace, days: int | None) -> None:
    """Keep events for `days` days; None keeps them for ever. What is older is deleted by the worker, within minutes.

    Raises:
        InvalidField: The number is out of bounds.
    """
    if days is not None and not MIN_KEEP_DAYS <= days <= MAX_KEEP_DAYS:
        raise InvalidField(
            f"Events cannot be kept for {days:,} days.",
            hint=f"Give a number from {MIN_KEEP_DAYS} to {MAX_KEEP_DAYS:,}, or keep them for ever.",
        )
    before = get_keep_days(workspace)
    if days == before:
        return
    with workspace.database.transaction() as connection:
        connection.execute(update(workspaces).values(keep_events_days=days))
        values = {"keep_events_days": before}, {"keep_events_days": days}
        record_change(connection, workspace, "updated", "workspace", WORKSPACE_ID, before=values[0], after=values[1])
