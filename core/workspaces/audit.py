"""The audit trail: who changed what, when, from what, to what. Written in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from core.storage.tables import audit_entries

if TYPE_CHECKING:
    from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of configuration."""

    id: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, object] | None
    after: dict[str, object] | None


def record_change(
    connection: Connection,
    workspace: Workspace,
    action: str,
    object_type: str,
    object_id: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Add an entry in the caller's transaction. `before` and `after` hold plain JSON values and never a secret."""
    connection.execute(
        insert(audit_entries).values(
            at=workspace.now(),
            actor=workspace.actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
        )
    )


def list_changes(
    workspace: Workspace, *, object_type: str | None = None, before: int | None = None, limit: int = 200
) -> Sequence[AuditEntry]:
    """Return the newest `limit` entries, newest first; `before` is the last id of the page before."""
    query = select(audit_entries).order_by(audit_entries.c.id.desc()).limit(limit)
    if object_type is not None:
        query = query.where(audit_entries.c.object_type == object_type)
    if before is not None:
        query = query.where(audit_entries.c.id < before)
    with workspace.database.reading() as connection:
        return [AuditEntry(**row._mapping) for row in connection.execute(query)]
