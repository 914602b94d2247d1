"""Which profiles were written since somebody followed: one row a batch of the builder, taken away when it was read.

The builder pays one short insert for a batch of messages; whoever follows (the search index) reads the ids, then the
profiles themselves, does its work and only then takes the rows away. So a kill between the two repeats work and loses
none. Whoever only wants to know whether anything was written compares the version of the space's profiles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, delete, func, select

from core.storage.bulk import insert_row, select_equal, upsert_rows
from core.storage.tables import profile_changes, profile_versions

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows that were read: their numbers, and the profiles they name.

    `left_out` is about how many profiles the rows name that were not read.
    """

    rows: tuple[int, ...] = ()
    profile_ids: tuple[str, ...] = ()
    left_out: int = 0


def note_changes(connection: Connection, space_id: str, profile_ids: Collection[str]) -> None:
    """Note, in the transaction that writes them, that these profiles are new, different or gone."""
    if profile_ids:
        text = orjson.dumps(sorted(profile_ids)).decode()
        insert_row(connection, profile_changes, {"space_id": space_id, "profile_ids": text})
        _count_version(connection, space_id)


def read_version(connection: Connection, space_id: str) -> int:
    """Return a number that is another one after every change of the space's profiles; 0 before the first."""
    return sum(row.version for row in select_equal(connection, (profile_versions.c.version,), {"space_id": space_id}))


def read_changes(connection: Connection, space_id: str, *, max_profiles: int, newest_first: bool = False) -> Changes:
    """Return the oldest changes, or the newest, of some `max_profiles` profiles; each once, the last written last."""
    table = profile_changes.c
    order = table.seq.desc() if newest_first else table.seq
    query = select(table.seq, table.profile_ids).where(table.space_id == space_id).order_by(order)
    rows: list[tuple[int, str]] = []
    wanted, named = 1, 0
    while named < max_profiles:  # a row names one profile or thousands: so the more rows, the more at once
        last = rows[-1][0] if rows else None
        beyond = () if last is None else (table.seq < last if newest_first else table.seq > last,)
        found = connection.execute(query.where(*beyond).limit(wanted)).all()
        rows += [(row.seq, row.profile_ids) for row in found]
        named += sum(row.profile_ids.count(",") + 1 for row in found)
        if len(found) < wanted:
            break
        wanted = min(2 * wanted, _ROWS_AT_ONCE)
    ids: dict[str, None] = {}
    for _, text in sorted(rows):
        for profile_id in orjson.loads(text):
            ids.pop(profile_id, None)
            ids[profile_id] = None
    return Changes(tuple(seq for seq, _ in rows), tuple(ids))


def read_newest(connection: Connection, space_id: str, *, max_profiles: int) -> Changes:
    """Return the newest changes, with about how many profiles those name that were not read."""
    found = read_changes(connection, space_id, max_profiles=max_profiles, newest_first=True)
    if not found.rows:
        return found
    table = profile_changes.c
    older = (table.space_id == space_id, table.seq < min(found.rows))
    left = connection.execute(select(func.count()).select_from(profile_changes).where(*older)).scalar_one()
    a_row = max(len(found.profile_ids) // len(found.rows), 1)
    return replace(found, left_out=left * a_row)


def forget_changes(connection: Connection, rows: Sequence[int]) -> None:
    """Take away rows that were followed."""
    connection.execute(delete(profile_changes).where(profile_changes.c.seq.in_(rows)))


def _count_version(connection: Connection, space_id: str) -> None:
    upsert_rows(connection, profile_versions, [(space_id, 1)], is_sum=True)
