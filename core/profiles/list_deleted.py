"""Which identifiers were deleted from people through the Profile API, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.profiles.merge_history import find_members
from core.storage.tables import deleted_identifiers, profile_tokens
from core.workspaces.workspace import Workspace

MAX_LISTED = 200


@dataclass(frozen=True, slots=True)
class DeletionEntry:
    """One deletion: of which profile, when, and by whom: the name and last characters of a token."""

    type: str
    value: str
    space_id: str
    profile_id: str
    deleted_at: datetime
    deleted_by: str


def list_deleted_identifiers(
    workspace: Workspace, space_id: str | None = None, profile_id: str | None = None
) -> list[DeletionEntry]:
    """Return the newest `MAX_LISTED` deletions, newest first, of all spaces or one.

    `profile_id` asks for those of one profile of the space, with what was merged into it.
    """
    table, tokens = deleted_identifiers.c, profile_tokens.c
    by = func.coalesce(tokens.name + " (…" + tokens.last_chars + ")", table.created_by)
    query = (
        select(table.type, table.value, table.space_id, table.profile_id, table.created_at, by)
        .select_from(deleted_identifiers.outerjoin(profile_tokens, tokens.id == table.created_by))
        .order_by(table.created_at.desc(), table.log_offset.desc(), table.type, table.value)
        .limit(MAX_LISTED)
    )
    with workspace.database.reading() as connection:
        if space_id is not None:
            query = query.where(table.space_id == space_id)
            if profile_id is not None:
                query = query.where(table.profile_id.in_(find_members(connection, space_id, [profile_id])))
        return [DeletionEntry(*row) for row in connection.execute(query)]
