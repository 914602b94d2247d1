"""Whose each message is, for a query over many messages: the profile that it reached, after all merges.

The store hands out texts of many values, because a row a message takes longer than counting does. A whole log comes as
a list of messages a profile, which the store makes out of one index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Text, cast, func, select

from core.storage.bulk import join_between, join_in
from core.storage.tables import profile_messages, profiles
from core.traits.owner_map import OWNERS, Offsets

_ROWS = 20_000
_COLUMNS = (profile_messages.c.profile_id, profile_messages.c.log_offset)


def read_owners(
    connection: Connection, space_id: str, first: int, last: int, only: Offsets | None = None
) -> Iterator[pa.Table]:
    """Yield the profiles with their messages from `first` to `last`, as tables of `OWNERS`.

    From the beginning of the log that is a reading of an index; a part of the log, or `only` some messages, are read
    message by message.
    """
    survivors = _read_survivors(connection, space_id)
    if first == 1 and only is None:
        yield from _read_all(connection, space_id, last, survivors)
        return
    for texts in _join(connection, space_id, first, last, only):
        if texts:
            owners, offsets = texts
            yield _make_table(survivors, owners.split(","), offsets, None)


def _read_all(connection: Connection, space_id: str, last: int, survivors: Mapping[str, str]) -> Iterator[pa.Table]:
    table = profile_messages.c
    if connection.dialect.name == "sqlite":
        # an array of JSON is made faster than by group_concat, and a cast to text makes that half as fast
        offsets = func.trim(func.json_group_array(table.log_offset), "[]")
    else:
        offsets = func.string_agg(cast(table.log_offset, Text), ",")
    query = select(table.profile_id, offsets, func.count()).group_by(table.profile_id)
    query = query.where(table.space_id == space_id, table.log_offset <= last)
    for rows in connection.execute(query.execution_options(yield_per=_ROWS)).partitions():
        owners, texts, counts = zip(*rows, strict=True)
        yield _make_table(survivors, owners, ",".join(texts), counts)


def _join(
    connection: Connection, space_id: str, first: int, last: int, only: Offsets | None
) -> Iterator[Sequence[str]]:
    fixed = {"space_id": space_id}
    if only is None:
        for start in range(first, last + 1, _ROWS):
            yield join_between(connection, _COLUMNS, fixed, "log_offset", start, min(start + _ROWS - 1, last))
    else:
        for start in range(0, len(only), _ROWS):
            yield join_in(connection, _COLUMNS, fixed, "log_offset", only[start : start + _ROWS].tolist())


def _make_table(
    survivors: Mapping[str, str], owners: Sequence[str], offsets: str, counts: Sequence[int] | None
) -> pa.Table:
    """Return a row a profile, with the next of the offsets: as many as `counts` says, else one."""
    if survivors:
        owners = [survivors.get(owner, owner) for owner in owners]
    ends = np.arange(len(owners) + 1) if counts is None else np.cumsum((0, *counts))
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), np.fromstring(offsets, np.int64, sep=","))
    return pa.Table.from_arrays([pa.array(owners, pa.string()), lists], schema=OWNERS)


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
