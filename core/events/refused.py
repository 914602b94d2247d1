"""Refused events: what was not taken into the log, each with its code, kept so that it can be seen, fixed and replayed.

They lie in the event log's file, so that one commit makes accepted and refused events of a request durable together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from core.clock import from_millis, to_millis
from core.errors import NotFound
from core.events.history.words import TextQuery
from core.events.log_file import LogFile, insert_rows

MAX_OF_UNKNOWN_SOURCES = 1_000
"""How many events without a known source are kept, the newest: anybody can send those."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS refused_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id TEXT NOT NULL,  -- empty: no source is known
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    message_id TEXT,
    type TEXT,
    name TEXT,
    user_id TEXT,
    received_at INTEGER NOT NULL,  -- ms since 1970
    body BLOB NOT NULL,
    replayed_as INTEGER  -- the offset of the event that a replay made of it
)""",
    "CREATE INDEX IF NOT EXISTS refused_source ON refused_events (source_id, number)",
    "CREATE INDEX IF NOT EXISTS refused_time ON refused_events (received_at)",
    "CREATE INDEX IF NOT EXISTS refused_code ON refused_events (code, source_id, number)",
)
_GIVEN = "source_id, code, reason, message_id, type, name, user_id, received_at, body"
_SELECT = f"SELECT number, {_GIVEN}, replayed_as FROM refused_events"  # noqa: S608 - our own column names
_WAITING = "FROM refused_events WHERE code = ? AND source_id = ? AND number > ? AND replayed_as IS NULL"
_KEEP = """DELETE FROM refused_events WHERE source_id = '' AND number <= (
    SELECT number FROM refused_events WHERE source_id = '' ORDER BY number DESC LIMIT 1 OFFSET ?)"""

_SELECT_OLD = "SELECT number FROM refused_events WHERE received_at < ? ORDER BY received_at LIMIT ?"
_DELETE_OLD = f"DELETE FROM refused_events WHERE number IN ({_SELECT_OLD})"  # noqa: S608
_DROPPED_AT_ONCE = 500


class Refusal(NamedTuple):
    """One event that is not taken. `body` is what was received, as it came; `source_id` is empty if none is known."""

    source_id: str
    code: str
    reason: str
    message_id: str | None
    type: str | None
    name: str | None
    user_id: str | None
    received_at: datetime
    body: bytes


class RefusedEvent(NamedTuple):
    """One event that was not taken; `replayed_as` is the offset of what a replay made of it."""

    number: int
    source_id: str
    code: str
    reason: str
    message_id: str | None
    type: str | None
    name: str | None
    user_id: str | None
    received_at: datetime
    body: bytes
    replayed_as: int | None


def insert_refusals(connection: sqlite3.Connection, refusals: Sequence[Refusal]) -> None:
    """Write `refusals` in the transaction at hand."""
    rows = [(*refusal[:7], to_millis(refusal.received_at), refusal.body) for refusal in refusals]
    insert_rows(connection, f"INSERT INTO refused_events ({_GIVEN})", rows)
    if any(not refusal.source_id for refusal in refusals):
        connection.execute(_KEEP, (MAX_OF_UNKNOWN_SOURCES,))


def search_refused(
    log: LogFile,
    *,
    text: str | None = None,
    source_id: str | None = None,
    code: str | None = None,
    type: str | None = None,
    user_id: str | None = None,
    before: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[RefusedEvent]:
    """Return the newest `limit` refused events, newest first, that hold `text` anywhere and match the filters.

    Args:
        log: The event log.
        text: Part of the event as it was received, as in a search of the log (`core/events/history/words.py`).
        source_id: Only events of this source; empty: only those of no known source.
        code: Only events refused with this code.
        type: Only events of this type.
        user_id: Only events with this `userId`.
        before: Only numbers below this one: the last number of the page before.
        after: Only numbers above this one: the newest that is known already.
        limit: Page size; unit: events.
    """
    where, values = ["number > ?"], list[object]([after])
    clauses = (
        ("source_id = ?", source_id),
        ("code = ?", code),
        ("type = ?", type),
        ("user_id = ?", user_id),
        ("number < ?", before),
    )
    for clause, value in clauses:
        if value is not None:
            where.append(clause)
            values.append(value)
    meant = TextQuery(text) if text else None
    sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY number DESC"
    with log.borrow() as connection:
        rows = (_to_refused(row) for row in connection.execute(sql, values))
        return list(islice((event for event in rows if meant is None or meant.matches(event.body)), limit))


def get_refused(log: LogFile, number: int) -> RefusedEvent:
    """Return the refused event with this number.

    Raises:
        NotFound: There is none, or it is not kept any more.
    """
    with log.borrow() as connection:
        row = connection.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound(f"There is no refused event {number}.", hint="Search again: it is not kept any more.")
    return _to_refused(row)


def last_refused(log: LogFile) -> int:
    """Return the number of the newest event ever refused; 0 before the first."""
    with log.borrow() as connection:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'refused_events'").fetchone()
        return row[0] if row else 0


def list_codes(log: LogFile) -> list[str]:
    """Return the codes of the refused events that are kept."""
    found, code = list[str](), ""
    with log.borrow() as connection:
        while True:  # from code to code by the index: there are few codes, and there may be millions of events
            row = connection.execute("SELECT min(code) FROM refused_events WHERE code > ?", (code,)).fetchone()
            if row[0] is None:
                return found
            code = row[0]
            found.append(code)


def count_waiting(log: LogFile, source_id: str, code: str) -> int:
    """Return how many events of the source were refused with this code and never replayed."""
    with log.borrow() as connection:
        count: int = connection.execute(f"SELECT count(*) {_WAITING}", (code, source_id, 0)).fetchone()[0]
    return count


def list_waiting(log: LogFile, source_id: str, code: str, *, after: int, limit: int) -> list[RefusedEvent]:
    """Return refused events that were never replayed, oldest first, with a number above `after`."""
    sql = f"SELECT number, {_GIVEN}, replayed_as {_WAITING} ORDER BY number LIMIT ?"
    with log.borrow() as connection:
        return [_to_refused(row) for row in connection.execute(sql, (code, source_id, after, limit))]


def mark_replayed(log: LogFile, replays: Mapping[int, int]) -> None:
    """Remember that refused events, by number, were replayed as the events at these offsets."""
    rows = [(offset, number) for number, offset in replays.items()]
    with log.writing() as connection:
        connection.executemany("UPDATE refused_events SET replayed_as = ? WHERE number = ?", rows)


def has_refused_before(log: LogFile, cutoff: datetime) -> bool:
    """Say whether a refused event was received before `cutoff`."""
    with log.borrow() as connection:
        return connection.execute(_SELECT_OLD, (to_millis(cutoff), 1)).fetchone() is not None


def drop_refused(log: LogFile, cutoff: datetime) -> int:
    """Drop the refused events that were received before `cutoff`, in short steps, and return how many went."""
    dropped = 0
    while True:
        with log.writing() as connection:
            step = connection.execute(_DELETE_OLD, (to_millis(cutoff), _DROPPED_AT_ONCE)).rowcount
        dropped += step
        if step < _DROPPED_AT_ONCE:
            return dropped


def _to_refused(row: tuple[object, ...]) -> RefusedEvent:
    event = RefusedEvent(*row)  # type: ignore[arg-type]
    return event._replace(received_at=from_millis(row[8]))
