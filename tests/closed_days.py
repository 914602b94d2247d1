"""Logs with days that are over, for the tests of the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson

from core.events.event_log import EventLog, LogEntry
from core.events.history.close import close_next

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def make_entry(number: int, at: datetime, *, source_id: str = "src_a", text: str = "") -> LogEntry:
    body = {"type": "track", "event": "Bought", "messageId": f"m{number}", "userId": f"u{number % 7}", "text": text}
    return LogEntry(source_id, f"m{number}", "track", "Bought", f"u{number % 7}", at, orjson.dumps(body))


def append_days(log: EventLog, counts: Sequence[int], *, start: datetime = DAY) -> list[LogEntry]:
    """Append `counts[n]` messages on the n-th day after `start` and return them."""
    entries = []
    for day, count in enumerate(counts):
        for number in range(count):
            at = start + timedelta(days=day, seconds=number)
            entries.append(make_entry(len(entries), at, source_id=f"src_{'ab'[number % 2]}"))
    log.append(entries)
    return entries


def close_all(log: EventLog, now: datetime) -> int:
    """Close every day that is over and return how many files were made."""
    count = 0
    while close_next(log, now):
        count += 1
    return count
