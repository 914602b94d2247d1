"""Reading by offset, across the SQLite file and the files of closed days."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from core.errors import StoreUnreadable
from core.events.entry import StoredEvent
from core.events.history.day_file import get_from_day_file, read_day_file
from core.events.history.layout import (
    ClosedFile,
    find_closed_file,
    history_folder,
    list_closed_files,
    read_layout,
    read_start,
)
from core.events.live import get_live, read_live
from core.events.log_file import LogFile

_T = TypeVar("_T")


@contextmanager
def snapshot(log: LogFile) -> Iterator[sqlite3.Connection]:
    """Lend a connection that sees one moment of the log."""
    with log.borrow() as connection:
        connection.execute("BEGIN")
        yield connection


def read_events(log: LogFile, after: int, limit: int) -> list[StoredEvent]:
    """Return the next `limit` messages with an offset greater than `after`, in offset order."""
    found: list[StoredEvent] = []
    while True:
        with snapshot(log) as connection:
            after = max(after, read_start(connection) - 1)
            file = find_closed_file(connection, after + 1)
            if file is None or read_layout(connection).live_first <= after + 1:
                return found + read_live(connection, after, limit - len(found))
        more = read_file(log, file, lambda path: read_day_file(path, after, limit - len(found)))  # noqa: B023 - called at once
        found += more or []
        after = found[-1].offset if more else file.last
        if len(found) >= limit:
            return found


def get_events(log: LogFile, offsets: Sequence[int]) -> dict[int, StoredEvent]:
    """Return the messages at `offsets` by offset; those that do not exist are left out."""
    with snapshot(log) as connection:
        layout = read_layout(connection)
        found = get_live(connection, [offset for offset in offsets if offset >= layout.start])
        older = sorted({offset for offset in offsets if layout.start <= offset < layout.live_first})
        files = list_closed_files(connection, older[0], older[-1]) if older else []
    for file in files:
        inside = [offset for offset in older if file.first <= offset <= file.last]
        if inside:
            events = read_file(log, file, lambda path: get_from_day_file(path, inside))  # noqa: B023
            found.update((event.offset, event) for event in events or ())
    return found


def read_file(log: LogFile, file: ClosedFile, work: Callable[[Path], _T]) -> _T | None:
    """Return what `work` reads from the file; None where its day was dropped meanwhile.

    Raises:
        StoreUnreadable: The file is damaged, or missing though its day was not dropped.
    """
    try:
        return work(history_folder(log.path) / file.name)
    except FileNotFoundError as error:
        with log.borrow() as connection:
            if file.first not in {each.first for each in list_closed_files(connection, file.first, file.last)}:
                return None
        raise StoreUnreadable(
            f"The file {file.name} of a closed day is missing.",
            hint="Restore it in the folder history from a backup. The other days can be read.",
        ) from error
