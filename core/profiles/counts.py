"""How many messages of each source reached a profile, and how many a rule kept out: counted with each batch.

By the minute in which they were received, in the transaction that builds the profiles, so that the two never differ.
Older ones are counted by the hour, and not at all where no view looks back so far (`core/events/counts.py`): the worker
sees to it in every round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, or_, select

from core.events.counts import COUNTS_KEPT, MINUTES_KEPT, Span, to_hour, to_minute
from core.events.event_log import StoredEvent
from core.storage.bulk import upsert_rows
from core.storage.tables import profile_counts
from core.workspaces.workspace import Workspace


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


def add_counts(connection: Connection, space_id: str, counts: BuildCounts) -> None:
    """Add the counts of a batch in the caller's transaction."""
    rows = [
        (space_id, minute, source_id, counts.reached[minute, source_id], counts.dropped[minute, source_id])
        for minute, source_id in sorted(counts.reached.keys() | counts.dropped.keys())
    ]
    upsert_rows(connection, profile_counts, rows, is_sum=True)


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


def roll_up(workspace: Workspace, space_id: str) -> None:
    """Make hours of minutes that have become old, and forget hours that no view looks back to."""
    table, now = profile_counts.c, workspace.now()
    old = (table.space_id == space_id, table.minute < to_hour(now - MINUTES_KEPT), table.minute % 60 != 0)
    gone = (table.space_id == space_id, table.minute < to_minute(now - COUNTS_KEPT))
    with workspace.database.reading() as connection:
        if connection.execute(select(table.minute).where(or_(and_(*old), and_(*gone))).limit(1)).first() is None:
            return
    with workspace.database.transaction() as connection:
        connection.execute(delete(profile_counts).where(*gone))
        rows = connection.execute(delete(profile_counts).where(*old).returning(*table)).all()
        reached, dropped = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
        for row in rows:
            hour = row.minute - row.minute % 60
            reached[hour, row.source_id] += row.reached
            dropped[hour, row.source_id] += row.dropped
        add_counts(connection, space_id, BuildCounts(reached, dropped, 0))
