"""Closing a day: its messages move from the SQLite file to a Parquet file.

1. The file is written under a draft name, brought to the disk and renamed.
2. One row in SQLite makes it part of the log. Its messages are still in SQLite as well, and are read there.
3. A day later, when no duplicate of them needs to be found any more, they are deleted from SQLite in small steps.

A kill before 2 leaves a file that nobody knows, which is removed; a kill after 2 leaves steps of 3 to be done. Nothing
is ever in neither place, and nothing is read in both.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import time as clock_time

import orjson
import pyarrow as pa

from core.clock import from_millis, to_millis
from core.events.entry import to_row
from core.events.history.day_file import ROW_GROUP_EVENTS, to_table, write_day_file
from core.events.history.layout import (
    SPILL_PREFIX,
    history_folder,
    list_closed_files,
    list_word_files,
    read_closed_to,
    read_layout,
    read_start,
    words_folder,
)
from core.events.history.read import snapshot
from core.events.live import find_first, read_live
from core.events.log_file import LogFile

FILE_EVENTS = 500_000
"""A larger day is closed in several files, so that each step is short and needs little room."""
SETTLING = timedelta(minutes=10)
"""How long after midnight a day is closed: what is on its way into the log then still comes in."""
KEEP_KEYS = timedelta(hours=24)
"""How long after its day was closed a message is still known by its id."""
DELETED_AT_ONCE = 500
OLD_DRAFT_S = 3_600
"""A draft, or a folder of DuckDB's, that nobody has written to for so long was left by a process that is gone."""


_FIRST_ROW = "SELECT offset, received_at FROM events WHERE offset > ? AND received_at <= ? ORDER BY offset LIMIT 1"
_FIRST_BLOCK = "SELECT first, received_at FROM blocks WHERE last > ? AND received_at <= ? ORDER BY last LIMIT 1"
_NEXT_ROW = """SELECT min(offset) FROM events
    WHERE offset > ? AND offset <= ? AND received_at >= ? AND received_at <= ?"""
_NEXT_BLOCK = "SELECT min(first) FROM blocks WHERE first > ? AND first <= ? AND received_at >= ? AND received_at <= ?"


@dataclass(frozen=True, slots=True)
class Closable:
    """Messages to close next: those after `after` that were received until the end of `day`."""

    after: int
    day: date


def find_closable(log: LogFile, now: datetime) -> Closable | None:
    """Return what can be closed at `now`: the first day that is over and not closed yet."""
    with snapshot(log) as connection:
        after = read_closed_to(connection)
        # What carries a later time than now came while a clock was wrong: it goes with the messages around it.
        found = [
            row
            for sql in (_FIRST_ROW, _FIRST_BLOCK)
            for row in connection.execute(sql, (after, to_millis(now))).fetchall()
        ]
        newest = list_closed_files(connection, after, after)
    if not found:
        return None
    day = from_millis(min(found)[1]).date()
    if newest:
        # A day is closed once: what comes late for it goes with the next day. Only a file that was cut goes on.
        file = newest[-1]
        is_cut = file.last - file.first + 1 == FILE_EVENTS
        day = max(day, date.fromisoformat(file.day) + timedelta(days=0 if is_cut else 1))
    return Closable(after, day) if day < (now - SETTLING).date() else None


def close_next(log: LogFile, now: datetime) -> bool:
    """Close the next day that is over, or the next part of a large one; False where there is none.

    Raises:
        StorageFull: There is no room for the file; the day stays in SQLite.
    """
    closable = find_closable(log, now)
    if closable is None:
        return False
    first, last = closable.after + 1, _find_end(log, closable, now)
    name = f"{closable.day}_{first:012d}-{last:012d}.parquet"
    path = history_folder(log.path) / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    counts = write_day_file(path, _read_rows(log, first, last))
    with log.writing() as connection:
        if read_closed_to(connection) == closable.after and path.exists():  # else another process was faster
            connection.execute(
                "INSERT INTO closed_files VALUES (?, ?, ?, ?, ?, ?)",
                (first, last, str(closable.day), name, to_millis(now), orjson.dumps(counts).decode()),
            )
    return True


def find_deletable(log: LogFile, now: datetime) -> int:
    """Return the offset up to which SQLite need not hold rows any more: they are in a file, and known long enough.

    0 where SQLite holds none of those.
    """
    with snapshot(log) as connection:
        limit = read_start(connection) - 1
        found = find_first(connection)
        if found is None:
            return 0
        for file in list_closed_files(connection, found[0]):
            is_there = (history_folder(log.path) / file.name).exists()
            if file.closed_at > to_millis(now - KEEP_KEYS) or not is_there:
                break
            limit = max(limit, file.last)
    return limit if found[1] <= limit else 0


def delete_closed(log: LogFile, now: datetime) -> int:
    """Delete from SQLite what `find_deletable` names and return how many rows went.

    In steps of `DELETED_AT_ONCE`, so that a batch that arrives waits for one step only.
    """
    return delete_rows(log, find_deletable(log, now))


def delete_rows(log: LogFile, last: int) -> int:
    """Delete the messages up to `last` from SQLite and return how many went; a block goes with its last message."""
    deleted = 0
    while True:
        with log.borrow() as connection:
            found = find_first(connection)
        if found is None or found[1] > last:
            return deleted
        with log.writing() as connection:
            end = min(max(found[0] + DELETED_AT_ONCE - 1, found[1]), last)
            gone = connection.execute(
                "DELETE FROM blocks WHERE last <= ? RETURNING last - first + 1", (end,)
            ).fetchall()
            deleted += sum(count for (count,) in gone)
            deleted += connection.execute("DELETE FROM events WHERE offset <= ?", (end,)).rowcount


def forget_missing(log: LogFile) -> None:
    """Forget files that are not there, where SQLite still has their messages: the day is closed, or indexed, again.

    So a copy of the home folder is whole even if it was taken file by file while a day was being closed.
    """
    folders = history_folder(log.path), words_folder(log.path)
    with snapshot(log) as connection:
        live_first = read_layout(connection).live_first
        closed = [file for file in list_closed_files(connection, live_first) if file.first >= live_first]
        words = list_word_files(connection)
    gone = next((file.first for file in closed if not (folders[0] / file.name).exists()), None)
    without = [file.first for file in words if not (folders[1] / file.name).exists()]
    if gone is None and not without:
        return
    with log.writing() as connection:
        if gone is not None and read_layout(connection).live_first <= gone:
            connection.execute("DELETE FROM closed_files WHERE first >= ?", (gone,))
        connection.executemany("DELETE FROM word_files WHERE first = ?", [(first,) for first in without])


def remove_strays(log: LogFile) -> None:
    """Remove files that no row knows: of days that were dropped, and of a closing that was killed."""
    for folder in (history_folder(log.path), words_folder(log.path)):
        if not _find_strays(log, folder):
            continue
        with log.writing():  # no file gets its row meanwhile
            for path in _find_strays(log, folder):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def has_strays(log: LogFile) -> bool:
    """Say whether there are files that no row knows."""
    return any(_find_strays(log, folder) for folder in (history_folder(log.path), words_folder(log.path)))


def _find_strays(log: LogFile, folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    files = [path for path in folder.iterdir() if path.is_file() or path.name.startswith(SPILL_PREFIX)]
    with log.borrow() as connection:
        known = {file.name for file in list_closed_files(connection)}
        known |= {file.name for file in list_word_files(connection)}
    return [path for path in files if path.name not in known and not _is_in_hand(path)]


def _is_in_hand(path: Path) -> bool:
    try:
        return path.name.startswith(".") and path.stat().st_mtime > clock_time() - OLD_DRAFT_S
    except FileNotFoundError:
        return True


def _find_end(log: LogFile, closable: Closable, now: datetime) -> int:
    midnight = datetime.combine(closable.day + timedelta(days=1), time(), UTC)
    span = (to_millis(midnight), to_millis(now))
    with snapshot(log) as connection:
        end = min(read_layout(connection).last, closable.after + FILE_EVENTS)
        rows = [connection.execute(sql, (closable.after, end, *span)).fetchone()[0] for sql in (_NEXT_ROW, _NEXT_BLOCK)]
    return min((row - 1 for row in rows if row is not None), default=end)


def _read_rows(log: LogFile, first: int, last: int) -> Iterator[pa.Table]:
    # Page by page: one long read would keep SQLite from writing its log file back.
    for start in itertools.count(first, ROW_GROUP_EVENTS):
        if start > last:
            return
        with log.borrow() as connection:
            events = read_live(connection, start - 1, min(ROW_GROUP_EVENTS, last - start + 1))
        yield to_table([to_row(event) for event in events])
