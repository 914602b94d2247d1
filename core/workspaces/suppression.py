"""Suppressed users: whose messages are dropped at the door, and whose rows no sync sends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from core.storage.tables import suppressed_users
from core.workspaces.workspace import Workspace

SUPPRESSED_CODE = "user_suppressed"
"""Of a record that a sync does not send, and of a refused event that is not replayed."""


def list_suppressed(workspace: Workspace) -> dict[str, datetime]:
    """Return the user ids that are suppressed, each with when, the newest first."""
    table = suppressed_users.c
    with workspace.database.reading() as connection:
        rows = connection.execute(select(suppressed_users).order_by(table.created_at.desc(), table.user_id))
        return {row.user_id: row.created_at for row in rows}


def suppress_users(connection: Connection, user_ids: Collection[str], now: datetime) -> int:
    """Suppress users in the caller's transaction and return how many were not suppressed before."""
    query = select(suppressed_users.c.user_id).where(suppressed_users.c.user_id.in_(user_ids))
    new = set(user_ids) - set(connection.execute(query).scalars())
    if new:
        rows = [{"user_id": user_id, "created_at": now} for user_id in sorted(new)]
        connection.execute(insert(suppressed_users), rows)
    return len(new)


def unsuppress_users(connection: Connection, user_ids: Collection[str]) -> int:
    """Lift suppressions in the caller's transaction and return how many there were."""
    return connection.execute(delete(suppressed_users).where(suppressed_users.c.user_id.in_(user_ids))).rowcount
