"""Whose each message is, for a query over many messages: the profile that it reached, after all merges."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from sqlalchemy import Connection, select

from core.storage.tables import profile_messages, profiles
from core.traits.definition import COUNTED_TYPES
from core.traits.history_count import OWNERS

_ROWS = 50_000


def read_owners(connection: Connection, space_id: str, first: int, last: int) -> Iterator[pa.Table]:
    """Yield the owner of each message from `first` to `last` that traits can count, as tables of `OWNERS`."""
    survivors = _read_survivors(connection, space_id)
    table = profile_messages.c
    query = (
        select(table.log_offset, table.profile_id)
        .where(table.space_id == space_id, table.log_offset.between(first, last), table.type.in_(COUNTED_TYPES))
        .execution_options(yield_per=_ROWS)
    )
    for rows in connection.execute(query).partitions():
        offsets = [row[0] for row in rows]
        owners = [survivors.get(row[1], row[1]) for row in rows]
        yield pa.Table.from_arrays([pa.array(offsets, pa.int64()), pa.array(owners, pa.string())], schema=OWNERS)


def _read_survivors(connection: Connection, space_id: str) -> dict[str, str]:
    table = profiles.c
    query = select(table.id, table.merged_into).where(table.space_id == space_id, table.merged_into.is_not(None))
    merged = {row.id: row.merged_into for row in connection.execute(query)}
    survivors: dict[str, str] = {}
    for profile_id in merged:
        at = profile_id
        while at in merged:
            at = survivors.get(at) or merged[at]
        survivors[profile_id] = at
    return survivors
