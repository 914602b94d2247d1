"""Dropping the oldest messages: from the log at once, from the disk right after."""

from __future__ import annotations

from collections import Counter

from core.events.blocks import list_blocks
from core.events.history.close import delete_rows, remove_strays
from core.events.history.day_file import count_in_day_file
from core.events.history.layout import ClosedFile, Layout, list_closed_files, read_layout, write_start
from core.events.history.read import read_file
from core.events.log_file import LogFile

_LIVE = "SELECT source_id, count(*) FROM events WHERE offset >= ? AND offset < ? GROUP BY source_id"
_SUBTRACT = "UPDATE source_counts SET events = events - ? WHERE source_id = ?"


def truncate(log: LogFile, before: int) -> int:
    """Drop the messages with an offset below `before` and return how many there were."""
    counts: Counter[str] = Counter()
    with log.writing() as connection:
        layout = read_layout(connection)
        before = max(min(before, layout.last + 1), layout.start)
        if before > layout.start:
            live = connection.execute(_LIVE, (layout.live_first, before))
            counts.update(dict(live.fetchall()))
            for block in list_blocks(connection, layout.live_first, before - 1):
                counts[block.source_id] += min(block.last, before - 1) - max(block.first, layout.live_first) + 1
            for file in list_closed_files(connection, layout.start, min(before, layout.live_first) - 1):
                counts.update(_count(log, file, layout, before))
            connection.executemany(_SUBTRACT, [(number, source_id) for source_id, number in counts.items()])
            write_start(connection, before)
    delete_rows(log, before - 1)  # what a kill leaves of this is done by the next worker
    remove_strays(log)
    return counts.total()


def _count(log: LogFile, file: ClosedFile, layout: Layout, before: int) -> dict[str, int]:
    first, last = max(file.first, layout.start), min(file.last, layout.live_first - 1, before - 1)
    if (first, last) == (file.first, file.last):
        return file.counts
    return read_file(log, file, lambda path: count_in_day_file(path, first, last)) or {}
