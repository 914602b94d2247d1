"""How many events came, by minute, source, type, name, app version and code: counted in the commit that writes them.

So a chart of two weeks reads some thousand rows, not millions of events, and agrees with the log to the last event. A
commit adds one row with its counts, which costs little; they are put together by a worker, and when somebody looks.
Minutes become hours after two days, and counts are dropped after five weeks: no view looks back further. An event of no
known source is counted by its code alone, because anybody can send those, under any name.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import orjson

from core.events.entry import LogEntry, MessageBatch
from core.events.log_file import LogFile
from core.events.refused import Refusal

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS event_counts (
    minute INTEGER NOT NULL,  -- since 1970; the first of the hour once it is old
    source_id TEXT NOT NULL,  -- empty: no source is known
    code TEXT NOT NULL,  -- empty: accepted
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    app_version TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (minute, source_id, code, type, name, app_version)
) WITHOUT ROWID""",
    # of one commit each: a JSON array of the columns of event_counts
    "CREATE TABLE IF NOT EXISTS new_counts (number INTEGER PRIMARY KEY, counts TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS count_state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    counted_after INTEGER NOT NULL,  -- the last offset that an earlier version wrote and did not count
    rolled_to INTEGER NOT NULL  -- the minute before which all is by the hour
)""",
    """INSERT OR IGNORE INTO count_state
    SELECT 1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), 0""",
)
MINUTES_KEPT = timedelta(hours=49)
"""How long counts are kept by the minute: a view of 24 hours is compared with the 24 hours before."""
COUNTS_KEPT = timedelta(days=35)
MAX_KEYS_A_COMMIT = 1_000
COMMITS_AT_ONCE = 500
MAX_TEXT_CHARS = 200
OTHER_NAMES = "(other names)"

_UNIQUE = "minute, source_id, code, type, name, app_version"
_ADD = f"ON CONFLICT ({_UNIQUE}) DO UPDATE SET events = events + excluded.events"
_VALUES = ", ".join(f"value ->> {place}" for place in range(6))
_GATHER = f"""INSERT INTO event_counts SELECT {_VALUES}, sum(value ->> 6) FROM new_counts, json_each(counts)
    WHERE number <= ? GROUP BY 1, 2, 3, 4, 5, 6 {_ADD}"""  # noqa: S608 - our own names
_ROLL = f"""INSERT INTO event_counts SELECT minute - minute % 60, source_id, code, type, name, app_version, sum(events)
    FROM event_counts WHERE minute > ? AND minute < ? GROUP BY 1, 2, 3, 4, 5, 6 {_ADD}"""  # noqa: S608
_Row: TypeAlias = tuple[int, str, str, str, str, str]
_get_key = itemgetter(5, 0, 2, 3, 7)


class Key(NamedTuple):
    """What is counted together; `name` is the event of a track call, or the name of a page or screen."""

    type: str
    name: str
    app_version: str


@dataclass(frozen=True, slots=True)
class Span:
    """A time from `start` on and before `end`; whole minutes, whole hours where it is longer than two days."""

    start: datetime
    end: datetime

    @property
    def before(self) -> Span:
        """The time of equal length just before."""
        return Span(self.start - (self.end - self.start), self.start)


def end_span(now: datetime, length: timedelta) -> Span:
    """Return the time of this length that ends with the minute, or with the hour, of `now`."""
    step = timedelta(hours=1) if length > timedelta(days=1) else timedelta(minutes=1)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    end = now - (now - epoch) % step + step
    return Span(end - length, end)


def add_counts(connection: sqlite3.Connection, entries: Sequence[LogEntry], refusals: Sequence[Refusal]) -> None:
    """Count in the transaction at hand. `entries` are those that are new to the log. O(events)."""
    minutes = {at: to_minute(at) for at in {entry.received_at for entry in entries}}
    counts: Counter[_Row] = Counter()
    for (received_at, source_id, type_, name, version), number in Counter(map(_get_key, entries)).items():
        counts[minutes[received_at], source_id, "", type_, name or "", version or ""] += number
    for refusal in refusals:
        about = (refusal.type or "", refusal.name or "") if refusal.source_id else ("", "")
        counts[to_minute(refusal.received_at), refusal.source_id, refusal.code, *about, ""] += 1
    _write(connection, counts)


def add_batch_count(connection: sqlite3.Connection, batch: MessageBatch, events: int) -> None:
    """Count the `events` of a batch that are new to the log, in the transaction at hand."""
    _write(connection, Counter({(to_minute(batch.received_at), batch.source_id, "", batch.type, "", ""): events}))


def _write(connection: sqlite3.Connection, counts: Counter[_Row]) -> None:
    if len(counts) > MAX_KEYS_A_COMMIT:
        counts = _leave_out_names(counts)
    rows = [
        (minute, source_id, code, _clean(type_), _clean(name), _clean(version), number)
        for (minute, source_id, code, type_, name, version), number in counts.items()
    ]
    connection.execute("INSERT INTO new_counts (counts) VALUES (?)", (orjson.dumps(rows).decode(),))


def gather(log: LogFile) -> None:
    """Put together what the commits since the last time have counted, in short steps."""
    while True:
        with log.borrow() as connection:
            first: int | None = connection.execute("SELECT min(number) FROM new_counts").fetchone()[0]
        if first is None:
            return
        with log.writing() as connection:
            last = first + COMMITS_AT_ONCE - 1
            connection.execute(_GATHER, (last,))
            connection.execute("DELETE FROM new_counts WHERE number <= ?", (last,))


def count_codes_by_source(log: LogFile, span: Span) -> dict[str, dict[str, int]]:
    """Return how many events of each source were refused with each code, and accepted: those have the empty code.

    The empty source is no known one. One query, however many sources there are. O(counts of the span).
    """
    sql = "SELECT source_id, code, sum(events) FROM event_counts {where} GROUP BY 1, 2"
    found: dict[str, dict[str, int]] = {}
    for source_id, code, events in _read(log, sql, span, None):
        found.setdefault(source_id, {})[code] = events
    return found


def count_by_time(
    log: LogFile, span: Span, step: timedelta, source_id: str | None = None
) -> list[tuple[datetime, int, int]]:
    """Return for each step of the span when it begins, and how many events were accepted and refused in it."""
    width, first = step // timedelta(minutes=1), to_minute(span.start)
    sql = "SELECT minute, sum(events * (code = '')), sum(events * (code != '')) FROM event_counts {where} GROUP BY 1"
    found: dict[int, tuple[int, int]] = {}
    for minute, accepted, refused in _read(log, sql, span, source_id):
        place = (minute - first) // width
        before = found.get(place, (0, 0))
        found[place] = (before[0] + accepted, before[1] + refused)
    steps = -(-(to_minute(span.end) - first) // width)
    return [(span.start + number * step, *found.get(number, (0, 0))) for number in range(steps)]


def count_by_key(log: LogFile, span: Span, source_id: str | None = None, *, limit: int | None = None) -> dict[Key, int]:
    """Return how many events of each type, name and app version were accepted; the `limit` most frequent ones."""
    sql = """SELECT type, name, app_version, sum(events) FROM event_counts {where} AND code = ''
        GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3"""
    return {Key(*row[:3]): row[3] for row in _read(log, sql, span, source_id)[:limit]}


def count_by_code(log: LogFile, span: Span, source_id: str | None = None) -> dict[str, int]:
    """Return how many events were refused with each code."""
    sql = "SELECT code, sum(events) FROM event_counts {where} AND code != '' GROUP BY 1 ORDER BY 2 DESC, 1"
    return {row[0]: row[1] for row in _read(log, sql, span, source_id)}


def read_uncounted(log: LogFile) -> int:
    """Return the offset up to which events were written by a version that did not count; 0 where all are counted."""
    with log.borrow() as connection:
        offset: int = connection.execute("SELECT counted_after FROM count_state").fetchone()[0]
    return offset


def is_roll_due(log: LogFile, now: datetime) -> bool:
    """Say whether there is an hour whose minutes are to become one."""
    sql = "SELECT min(minute) FROM event_counts WHERE minute >= (SELECT rolled_to FROM count_state)"
    with log.borrow() as connection:
        first = connection.execute(sql).fetchone()[0]
    return first is not None and first < to_hour(now - MINUTES_KEPT)


def roll_up(log: LogFile, now: datetime) -> None:
    """Make hours of the minutes that are older than `MINUTES_KEPT`, and drop what is older than `COUNTS_KEPT`.

    Hour by hour, so that a batch that arrives waits for one step only.
    """
    last, oldest = to_hour(now - MINUTES_KEPT), to_hour(now - COUNTS_KEPT)
    gather(log)
    with log.writing() as connection:
        connection.execute("DELETE FROM event_counts WHERE minute < ?", (oldest,))
        rolled_to: int = connection.execute("SELECT rolled_to FROM count_state").fetchone()[0]
    while rolled_to < last:
        with log.writing() as connection:
            sql = "SELECT min(minute) FROM event_counts WHERE minute >= ? AND minute % 60 != 0"
            first = connection.execute(sql, (max(rolled_to, oldest),)).fetchone()[0]
            hour = last if first is None else min(first - first % 60, last)
            if hour < last:
                connection.execute(_ROLL, (hour, hour + 60))
                connection.execute("DELETE FROM event_counts WHERE minute > ? AND minute < ?", (hour, hour + 60))
            rolled_to = min(hour + 60, last)
            connection.execute("UPDATE count_state SET rolled_to = ?", (rolled_to,))


def _read(log: LogFile, sql: str, span: Span, source_id: str | None) -> list[tuple[Any, ...]]:
    where, values = "WHERE minute >= ? AND minute < ?", [to_minute(span.start), to_minute(span.end)]
    if source_id is None:
        parameters: list[object] = [*values]
    else:
        where, parameters = f"{where} AND source_id = ?", [*values, source_id]
    gather(log)
    with log.borrow() as connection:
        return connection.execute(sql.format(where=where), parameters).fetchall()


def _leave_out_names(counts: Counter[_Row]) -> Counter[_Row]:
    fewer: Counter[_Row] = Counter()
    for place, ((minute, source_id, code, type_, name, version), number) in enumerate(counts.most_common()):
        if place < MAX_KEYS_A_COMMIT:
            fewer[minute, source_id, code, type_, name, version] += number
        else:
            fewer[minute, source_id, code, "" if code else type_, OTHER_NAMES, ""] += number
    return fewer


def _clean(text: str) -> str:
    return text[:MAX_TEXT_CHARS].replace("\0", "")  # where SQLite would end a text that it reads from JSON


def to_minute(at: datetime) -> int:
    """Return the minute of `at`, counted since 1970."""
    return int(at.timestamp() // 60)


def to_hour(at: datetime) -> int:
    """Return the minute, counted since 1970, with which the hour of `at` begins."""
    minute = to_minute(at)
    return minute - minute % 60
