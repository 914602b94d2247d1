"""Reading what the SQLite file holds, whether it lies there as a row of its own or in a block of many.

Rows and blocks together are one run of offsets. Every function takes a connection that sees one moment of it.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import orjson

from core.events.blocks import Block, find_block, list_blocks
from core.events.entry import COLUMNS, StoredEvent, to_event

_SELECT = f"SELECT {COLUMNS} FROM events WHERE"  # noqa: S608 - our own column names


def find_first(connection: sqlite3.Connection, start: int = 0) -> tuple[int, int] | None:
    """Return the offsets of the first row or block that has one from `start` on; None where there is none."""
    row: int | None = connection.execute("SELECT min(offset) FROM events WHERE offset >= ?", (start,)).fetchone()[0]
    block = find_block(connection, start)
    if block is not None and (row is None or block.first < row):
        return block.first, block.last
    return None if row is None else (row, row)


def read_live(connection: sqlite3.Connection, after: int, limit: int) -> list[StoredEvent]:
    """Return the next `limit` messages with an offset greater than `after`, in offset order."""
    found: list[StoredEvent] = []
    while len(found) < limit:
        block = find_block(connection, after + 1)
        sql = f"{_SELECT} offset > ? AND offset < ? ORDER BY offset LIMIT ?"
        end = block.first if block else 1 << 62
        found += map(to_event, connection.execute(sql, (after, end, limit - len(found))))
        if block is None or len(found) >= limit:
            break
        first = max(block.first, after + 1)
        found += block.read_events(connection, first, first + limit - len(found) - 1)
        after = block.last
    return found


def get_live(connection: sqlite3.Connection, offsets: Sequence[int]) -> dict[int, StoredEvent]:
    """Return the messages at `offsets` by offset; those that are not here are left out."""
    sql = f"{_SELECT} offset IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own column names
    rows = connection.execute(sql, (orjson.dumps(list(offsets)).decode(),))
    found = {row[0]: to_event(row) for row in rows}
    for block, inside in _sort_into_blocks(connection, {*offsets} - found.keys()):
        found.update((event.offset, event) for event in block.get_events(connection, inside))
    return found


def scan_live(
    connection: sqlite3.Connection,
    first: int,
    last: int,
    where: str,
    values: Sequence[object],
    may_hold: Callable[[Block], bool],
) -> Iterator[StoredEvent]:
    """Yield the messages from `last` down to `first`: rows for which `where` holds, and all of each block at issue.

    Args:
        connection: The log at one moment.
        first: The first offset.
        last: The last offset.
        where: A condition on the columns of a row, with the `values` of its places.
        values: See `where`.
        may_hold: Whether a block can have a message that is asked for; if not, it is not unpacked.
    """
    sql = f"{_SELECT} offset BETWEEN ? AND ? AND {where} ORDER BY offset DESC"
    for block in reversed(list_blocks(connection, first, last)):
        yield from map(to_event, connection.execute(sql, (block.last + 1, last, *values)))
        if may_hold(block):
            yield from reversed(block.read_events(connection, first, last))
        last = block.first - 1
    yield from map(to_event, connection.execute(sql, (first, last, *values)))


def _sort_into_blocks(connection: sqlite3.Connection, offsets: set[int]) -> list[tuple[Block, list[int]]]:
    found: defaultdict[Block, list[int]] = defaultdict(list)
    block: Block | None = None
    for offset in sorted(offsets):
        if block is None or offset > block.last:
            block = find_block(connection, offset)
            if block is None:
                break
        if offset >= block.first:
            found[block].append(offset)
    return list(found.items())
