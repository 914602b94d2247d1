"""How many messages of each source reached a profile, and how many a rule kept out: counted with each batch.

By the minute in which they were received, in the transaction that builds the profiles, so that the two never differ.
Older ones are counted by the hour, and not at all where no view looks back so far (`core/events/counts.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, text

from core.events.counts import COUNTS_KEPT, MINUTES_KEPT, Span, to_hour, to_minute
from core.events.event_log import StoredEvent
from core.storage.tables import profile_counts
from core.workspaces.workspace import Workspace

_DAY_MINUTES = 24 * 60
_ADD = text(
    "INSERT INTO profile_counts (space_id, minute, source_id, reached, dropped)"
    " VALUES (:space_id, :minute, :source_id, :reached, :dropped) ON CONFLICT (space_id, minute, source_id)"
    " DO UPDATE SET reached = profile_counts.reached + excluded.reached,"
    " dropped = profile_counts.dropped + excluded.dropped"
)


class BuildCounts(NamedTuple):
    """Messages of a batch by minute and source; `applied` counts all that reached a profile, however old."""

    reached: Counter[tuple[int, str]]
    dropped: Counter[tuple[int, str]]
    applied: int


class Built(NamedTuple):
    """What became of the messages of one source: how many reached a profile, how many a rule kept out."""

    reached: int
    dropped: int


def count_messages(messages: Iterable[tuple[StoredEvent, bool]], now: datetime) -> BuildCounts:
    """Count messages, each with whether it reached a profile."""
    oldest, by_hour = to_minute(now - COUNTS_KEPT), to_hour(now - MINUTES_KEPT)
    found = Counter((event.received_at, event.source_id, is_applied) for event, is_applied in messages)
    reached, dropped = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
    for (received_at, source_id, is_applied), number in found.items():
        minute = to_minute(received_at)
        if minute >= oldest:
            counts = reached if is_applied else dropped
            counts[minute if minute >= by_hour else minute - minute % 60, source_id] += number
    return BuildCounts(reached, dropped, sum(number for key, number in found.items() if key[2]))


def add_counts(connection: Connection, space_id: str, counts: BuildCounts, now: datetime) -> None:
    """Add the counts of a batch in the caller's transaction, and make hours of minutes that have become old."""
    rows = [
        {
            "space_id": space_id,
            "minute": minute,
            "source_id": source_id,
            "reached": counts.reached[minute, source_id],
            "dropped": counts.dropped[minute, source_id],
        }
        for minute, source_id in sorted(counts.reached.keys() | counts.dropped.keys())
    ]
    if rows:
        connection.execute(_ADD, rows)
    _roll_up(connection, space_id, now)


def count_built(workspace: Workspace, space_id: str, span: Span) -> dict[str, Built]:
    """Return what became of the messages of each source that were received in the span."""
    table = profile_counts.c
    query = (
        select(table.source_id, func.sum(table.reached), func.sum(table.dropped))
        .where(table.space_id == space_id, table.minute >= to_minute(span.start), table.minute < to_minute(span.end))
        .group_by(table.source_id)
    )
    with workspace.database.reading() as connection:
        return {row[0]: Built(int(row[1]), int(row[2])) for row in connection.execute(query)}


def _roll_up(connection: Connection, space_id: str, now: datetime) -> None:
    table, by_hour = profile_counts.c, to_hour(now - MINUTES_KEPT)
    # One day back only, so that a batch looks at a few rows; what a longer pause left by the minute counts as well.
    is_old = (table.space_id == space_id, table.minute >= by_hour - _DAY_MINUTES, table.minute < by_hour)
    query = select(table.minute, table.source_id, table.reached, table.dropped).where(*is_old, table.minute % 60 != 0)
    old = connection.execute(query).all()
    if not old:
        return
    connection.execute(delete(profile_counts).where(*is_old, table.minute % 60 != 0))
    connection.execute(delete(profile_counts).where(table.minute < to_minute(now - COUNTS_KEPT)))
    rows = [{"space_id": space_id, **row._mapping, "minute": row.minute - row.minute % 60} for row in old]
    connection.execute(_ADD, rows)
