"""The rules that keep profiles apart, as the store has them: written by an undo, read by every build."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from core.clock import to_millis
from core.errors import NotFound
from core.identity.kept_apart import KeptApart
from core.profiles.merge_history import find_survivors, read_merge
from core.profiles.profile import ProfileMerge
from core.storage.bulk import select_equal
from core.storage.tables import kept_apart
from core.workspaces.workspace import Workspace

_PAIR = (kept_apart.c.survivor_id, kept_apart.c.merged_id)


@dataclass(frozen=True, slots=True)
class Split:
    """One rule: the merge that was undone, when and by whom; and what each of the two profiles is called now."""

    merge: ProfileMerge
    created_at: datetime
    created_by: str
    survivor_now: str
    merged_now: str


def load_kept_apart(connection: Connection, space_id: str) -> KeptApart | None:
    """Return the rules for a batch of messages; None where the space has none."""
    pairs = read_pairs(connection, space_id)
    if not pairs:
        return None
    return KeptApart(pairs, find_survivors(connection, space_id, {each for pair in pairs for each in pair}))


def read_pairs(connection: Connection, space_id: str) -> set[tuple[str, str]]:
    """Return the profiles of each rule, by the names they had when it was made: survivor and merged."""
    return set(select_equal(connection, _PAIR, {"space_id": space_id}))


def list_splits(workspace: Workspace, space_id: str, *, profile_id: str | None = None) -> list[Split]:
    """Return the rules of the space, or those that concern one profile as it is now; newest first."""
    table = kept_apart.c
    query = select(kept_apart).where(table.space_id == space_id).order_by(table.created_at.desc(), table.merged_id)
    with workspace.database.reading() as connection:
        rows = connection.execute(query).all()
        ids = {each for row in rows for each in (row.survivor_id, row.merged_id)}
        now = find_survivors(connection, space_id, ids)
    found = [
        Split(_to_merge(row), row.created_at, row.created_by, now[row.survivor_id], now[row.merged_id]) for row in rows
    ]
    return [split for split in found if profile_id is None or profile_id in (split.survivor_now, split.merged_now)]


def find_split(connection: Connection, space_id: str, merged_id: str, survivor_id: str | None = None) -> ProfileMerge:
    """Return the merge that a rule undid.

    Args:
        connection: As what it sees.
        space_id: Of which space.
        merged_id: The profile that had been merged away.
        survivor_id: The other one; None where there is one rule with `merged_id` only.

    Raises:
        NotFound: There is no such rule, or there are several.
    """
    table = kept_apart.c
    query = select(kept_apart).where(table.space_id == space_id, table.merged_id == merged_id)
    if survivor_id is not None:
        query = query.where(table.survivor_id == survivor_id)
    rows = connection.execute(query).all()
    if len(rows) == 1:
        return _to_merge(rows[0])
    others = ", ".join(row.survivor_id for row in rows)
    raise NotFound(
        f"{merged_id} is kept apart from {others}: say from which." if rows else f"{merged_id} is not kept apart.",
        hint="`python -m core profiles merges` lists the profiles that are kept apart.",
    )


def insert_split(connection: Connection, workspace: Workspace, space_id: str, merge: ProfileMerge) -> None:
    """Write the rule that keeps apart what `merge` had made one, in the caller's transaction."""
    connection.execute(
        insert(kept_apart).values(
            space_id=space_id,
            survivor_id=merge.survivor_id,
            merged_id=merge.merged_id,
            log_offset=merge.log_offset,
            reason=merge.reason,
            merged_at=to_millis(merge.at),
            created_at=workspace.now(),
            created_by=workspace.actor,
        )
    )


def delete_split(connection: Connection, space_id: str, merge: ProfileMerge) -> bool:
    """Take the rule away again, in the caller's transaction; False where it is gone already."""
    table = kept_apart.c
    pair = (table.survivor_id == merge.survivor_id, table.merged_id == merge.merged_id)
    return bool(connection.execute(delete(kept_apart).where(table.space_id == space_id, *pair)).rowcount)


def _to_merge(row: Row[*tuple[Any, ...]]) -> ProfileMerge:
    return read_merge(row.log_offset, row.merged_id, row.survivor_id, row.reason, row.merged_at)
