"""Which profiles were written since somebody followed: one row a batch of the builder, taken away when it was read.

The builder pays one short insert for two thousand messages; whoever follows (the search index) reads the ids, then the
profiles themselves, does its work and only then takes the rows away. So a kill between the two repeats work and loses
none. Whoever only wants to know whether anything was written compares the version of the space's profiles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, delete, select

from core.storage.bulk import insert_row, select_equal, upsert_rows
from core.storage.tables import profile_changes, profile_versions


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows that were read: their numbers, the profiles they name, and whether everything was thrown away."""

    rows: tuple[int, ...] = ()
    profile_ids: tuple[str, ...] = ()
    is_cleared: bool = False


def note_changes(connection: Connection, space_id: str, profile_ids: Collection[str]) -> None:
    """Note, in the transaction that writes them, that these profiles are new, different or gone."""
    if profile_ids:
        text = orjson.dumps(sorted(profile_ids)).decode()
        insert_row(connection, profile_changes, {"space_id": space_id, "profile_ids": text})
        _count_version(connection, space_id)


def note_cleared(connection: Connection, space_id: str) -> None:
    """Note, in the transaction that does it, that every profile of the space was thrown away."""
    connection.execute(delete(profile_changes).where(profile_changes.c.space_id == space_id))
    insert_row(connection, profile_changes, {"space_id": space_id, "profile_ids": None})
    _count_version(connection, space_id)


def read_version(connection: Connection, space_id: str) -> int:
    """Return a number that is another one after every change of the space's profiles; 0 before the first."""
    return sum(row.version for row in select_equal(connection, (profile_versions.c.version,), {"space_id": space_id}))


def read_changes(connection: Connection, space_id: str, *, max_rows: int) -> Changes:
    """Return the oldest changes; each profile once, the most recently written last."""
    table = profile_changes.c
    query = select(table.seq, table.profile_ids).where(table.space_id == space_id).order_by(table.seq).limit(max_rows)
    rows = connection.execute(query).all()
    ids: dict[str, None] = {}
    for row in rows:
        for profile_id in orjson.loads(row.profile_ids) if row.profile_ids else ():
            ids.pop(profile_id, None)
            ids[profile_id] = None
    return Changes(tuple(row.seq for row in rows), tuple(ids), any(row.profile_ids is None for row in rows))


def forget_changes(connection: Connection, rows: Sequence[int]) -> None:
    """Take away rows that were followed."""
    connection.execute(delete(profile_changes).where(profile_changes.c.seq.in_(rows)))


def _count_version(connection: Connection, space_id: str) -> None:
    upsert_rows(connection, profile_versions, [(space_id, 1)], is_sum=True)
