"""Where each offset of the log lies: in the SQLite file, in the file of a closed day, or nowhere any more.

The SQLite file always holds a run of offsets up to the newest one. A closed day's messages are in its Parquet file and,
for 24 hours more, in SQLite too, where duplicates are looked for. So SQLite is asked first and the files for what lies
before; a reader needs no lock, and a day that is half closed is simply still in SQLite.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import orjson

from core.events.live import find_first

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS closed_files (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    day TEXT NOT NULL,  -- UTC; its messages were received on this day, or came late
    name TEXT NOT NULL,
    closed_at INTEGER NOT NULL,  -- ms since 1970
    counts TEXT NOT NULL  -- messages by source, JSON
)""",
    "CREATE TABLE IF NOT EXISTS word_files (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS log_start (only INTEGER PRIMARY KEY CHECK (only = 1), first_kept INTEGER NOT NULL)",
)

_SELECT = "SELECT first, last, day, name, closed_at, counts FROM closed_files"


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """The messages `first` to `last`, as Parquet."""

    first: int
    last: int
    day: str
    name: str
    closed_at: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class WordFile:
    """Which words occur in the messages `first` to `last`."""

    first: int
    last: int
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the offsets lie at one moment.

    `start` is the first that is kept, `live_first` the first that SQLite holds, `last` the newest ever given.
    """

    start: int
    live_first: int
    last: int


def read_layout(connection: sqlite3.Connection) -> Layout:
    """Return the layout; read it in the transaction that reads the rows. O(1)."""
    start = read_start(connection)
    last = read_last_offset(connection)
    found = find_first(connection, start)
    return Layout(start, max(found[0], start) if found else last + 1, last)


def read_start(connection: sqlite3.Connection) -> int:
    """Return the first offset that is kept."""
    row = connection.execute("SELECT first_kept FROM log_start").fetchone()
    return row[0] if row else 1


def write_start(connection: sqlite3.Connection, first_kept: int) -> None:
    """Keep nothing before `first_kept`; the files that lie before it whole are forgotten, so that they can go."""
    connection.execute("INSERT OR REPLACE INTO log_start VALUES (1, ?)", (first_kept,))
    connection.execute("DELETE FROM closed_files WHERE last < ?", (first_kept,))
    connection.execute("DELETE FROM word_files WHERE last < ?", (first_kept,))


def read_last_offset(connection: sqlite3.Connection) -> int:
    """Return the newest offset ever given; 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return row[0] if row else 0


def read_closed_to(connection: sqlite3.Connection) -> int:
    """Return the offset up to which days are closed; 0 if none is."""
    last: int = connection.execute("SELECT coalesce(max(last), 0) FROM closed_files").fetchone()[0]
    return max(last, read_start(connection) - 1)


def list_closed_files(connection: sqlite3.Connection, first: int = 0, last: int | None = None) -> list[ClosedFile]:
    """Return the files that hold an offset from `first` to `last`, oldest first."""
    sql = f"{_SELECT} WHERE last >= ? AND first <= ? ORDER BY first"
    return [_to_file(row) for row in connection.execute(sql, (first, 1 << 62 if last is None else last))]


def find_closed_file(connection: sqlite3.Connection, offset: int) -> ClosedFile | None:
    """Return the file that holds `offset`, else the next one."""
    rows = connection.execute(f"{_SELECT} WHERE last >= ? ORDER BY first LIMIT 1", (offset,))
    return next((_to_file(row) for row in rows), None)


def list_word_files(connection: sqlite3.Connection) -> list[WordFile]:
    """Return the word files, oldest first."""
    return [WordFile(*row) for row in connection.execute("SELECT first, last, name FROM word_files ORDER BY first")]


SPILL_PREFIX = ".spill-"
"""The beginning of the name of a folder for what does not fit in memory, beside the closed days."""


def history_folder(events_db: Path) -> Path:
    """Return the folder of the closed days' files, beside the log's own file."""
    return events_db.parent / "history"


def words_folder(events_db: Path) -> Path:
    """Return the folder of the word files."""
    return history_folder(events_db) / "words"


def _to_file(row: tuple[int, int, str, str, int, str]) -> ClosedFile:
    return ClosedFile(*row[:5], orjson.loads(row[5]))
