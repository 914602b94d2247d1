"""Whose each message is, for a query over many messages: the profile that it reached, after all merges.

A profile comes with the list of its messages, because the store makes such lists out of one index without handing out
a row a message: that took longer than counting did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, Select, Text, cast, func, select

from core.storage.bulk import select_in
from core.storage.tables import profile_messages, profiles
from core.traits.owner_map import OWNERS

_ROWS = 20_000


def read_owners(
    connection: Connection, space_id: str, first: int, last: int, only: Sequence[int] | None = None
) -> Iterator[pa.Table]:
    """Yield the profiles with their messages from `first` to `last`, as tables of `OWNERS`.

    From the beginning of the log that is a reading of an index; a part of the log, or `only` some messages, are read
    message by message.
    """
    survivors = _read_survivors(connection, space_id)
    for rows in _read(connection, space_id, first, last, only):
        owners = [survivors.get(row[0], row[0]) for row in rows]
        offsets = [str(row[1]) for row in rows]
        yield pa.Table.from_arrays([pa.array(owners, pa.string()), pa.array(offsets, pa.string())], schema=OWNERS)


def _read(
    connection: Connection, space_id: str, first: int, last: int, only: Sequence[int] | None
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    if only is not None:
        columns = (profile_messages.c.profile_id, profile_messages.c.log_offset)
        for start in range(0, len(only), _ROWS):
            yield select_in(connection, columns, {"space_id": space_id}, "log_offset", only[start : start + _ROWS])
        return
    query = _group_all(connection, space_id, last) if first == 1 else _list_some(space_id, first, last)
    yield from connection.execute(query.execution_options(yield_per=_ROWS)).partitions()


def _group_all(connection: Connection, space_id: str, last: int) -> Select[tuple[str, str]]:
    table = profile_messages.c
    if connection.dialect.name == "sqlite":
        offsets = func.group_concat(table.log_offset)  # a cast to text makes it half as fast
    else:
        offsets = func.string_agg(cast(table.log_offset, Text), ",")
    where = (table.space_id == space_id, table.log_offset <= last)
    return select(table.profile_id, offsets.label("offsets")).where(*where).group_by(table.profile_id)


def _list_some(space_id: str, first: int, last: int) -> Select[tuple[str, str]]:
    table = profile_messages.c
    where = (table.space_id == space_id, table.log_offset.between(first, last))
    return select(table.profile_id, cast(table.log_offset, Text).label("offsets")).where(*where)


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
