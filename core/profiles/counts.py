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
    """Messages of a part of a batch by minute and source; `applied` counts all that reached a profile, however old."""

    reached: Counter[tuple[int, str]]
    dropped: Counter[tuple[int, str]]
    unread: Counter[tuple[int, str]]
    applied: int


class Built(NamedTuple):
    """What became of the messages of one source: how many reached a profile, were kept out, or were passed unread."""

    reached: int
    dropped: int
    unread: int = 0


def count_messages(messages: Iterable[tuple[StoredEvent, bool | None]], now: datetime) -> BuildCounts:
    """Count messages, each with whether it reached a profile; None: it was passed by, its source being disconnected."""
    oldest, by_hour = to_minute(now - COUNTS_KEPT), to_hour(now - MINUTES_KEPT)
    found = Counter((event.received_at, event.source_id, is_applied) for event, is_applied in messages)
    counts: dict[bool | None, Counter[tuple[int, str]]] = {True: Counter(), False: Counter(), None: Counter()}
    for (received_at, source_id, is_applied), number in found.items():
        minute = to_minute(received_at)
        if minute >= oldest:
            counts[is_applied][minute if minute >= by_hour else minute - minute % 60, source_id] += number
    applied = sum(number for key, number in found.items() if key[2])
    return BuildCounts(counts[True], counts[False], counts[None], applied)


def add_counts(connection: Connection, space_id: str, counts: BuildCounts) -> None:
    """Add the counts in the caller's transaction."""
    rows = [
        (space_id, *key, counts.reached[key], counts.dropped[key], counts.unread[key])
        for key in sorted(counts.reached.keys() | counts.dropped.keys() | counts.unread.keys())
    ]
    upsert_rows(connection, profile_counts, rows, is_sum=True)


def count_built(workspace: Workspace, space_id: str, span: Span) -> dict[str, Built]:
    """Return what became of the messages of each source that were received in the span."""
    table = profile_counts.c
    query = (
        select(table.source_id, func.sum(table.reached), func.sum(table.dropped), func.sum(table.unread))
        .where(table.space_id == space_id, table.minute >= to_minute(span.start), table.minute < to_minute(span.end))
        .group_by(table.source_id)
    )
    with workspace.database.reading() as connection:
        return {row[0]: Built(*map(int, row[1:])) for row in connection.execute(query)}


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
        counts = BuildCounts(Counter(), Counter(), Counter(), 0)
        for row in rows:
            key = row.minute - row.minute % 60, row.source_id
            counts.reached[key] += row.reached
            counts.dropped[key] += row.dropped
            counts.unread[key] += row.unread
        add_counts(connection, space_id, counts)
