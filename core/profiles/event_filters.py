"""The event filters of a space: up to ten conditions in FQL; what meets one of them reaches no profile.

A filter counts for messages that come after it was saved, and no longer for those that come after it was removed; both
are places in the event log, so profiles that are built again come out the same. A filter that was removed is kept for
that reason, and can be put back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, select, update

from core.errors import InvalidField, LimitExceeded, NotFound
from core.events.event_log import StoredEvent, open_event_log
from core.events.fql import TEXT_PATTERN, compile_fql
from core.ids import new_id
from core.profiles.reading import EventFilter, find_message, read_reading, take_position
from core.storage.tables import event_filters, filter_counts, spaces
from core.workspaces.audit import record_change
from core.workspaces.spans import Spans, close_span, open_span, write_spans
from core.workspaces.workspace import MAX_NAME_CHARS, Workspace

__all__ = [
    "EventFilter",
    "FilterState",
    "FilterTrial",
    "add_filter",
    "list_filters",
    "remove_filter",
    "restore_filter",
    "try_filter",
]

MAX_FILTERS = 10
TRIED_MESSAGES = 1_000
_TEXT = re.compile(TEXT_PATTERN, re.DOTALL)


@dataclass(frozen=True, slots=True)
class FilterState:
    """A filter, who made it and when, how many messages it has dropped, and the offset of the newest of them."""

    filter: EventFilter
    created_at: datetime
    created_by: str
    dropped: int
    last_offset: int | None


@dataclass(frozen=True, slots=True)
class FilterTrial:
    """What a filter would have dropped of the newest `tried` messages that the space reads; newest first."""

    tried: int
    matches: Sequence[StoredEvent]


def list_filters(workspace: Workspace, space_id: str, *, is_active: bool = True) -> list[FilterState]:
    """Return the filters of the space that hold now, or those that were removed; oldest first."""
    table, counted = event_filters.c, filter_counts.c
    counts = and_(counted.space_id == table.space_id, counted.filter_id == table.id)
    query = (
        select(table.id, table.created_at, table.created_by, func.coalesce(counted.dropped, 0), counted.last_offset)
        .join(filter_counts, counts, isouter=True)
        .where(table.space_id == space_id)
    )
    with workspace.database.reading() as connection:
        states = {row.id: row[1:] for row in connection.execute(query)}
        filters = read_reading(connection, space_id).filters
    return [FilterState(each, *states[each.id]) for each in filters if each.is_active is is_active]


def add_filter(workspace: Workspace, space_id: str, query: str, *, name: str = "") -> EventFilter:
    """Drop, from now on, every message that meets `query`.

    Args:
        workspace: Where the space is.
        space_id: Whose profiles they do not reach.
        query: The condition in FQL.
        name: How people call the filter; the beginning of its condition where it is empty.

    Raises:
        InvalidField: Code `invalid_filter`: the condition is none, and why; or the name cannot be used.
        LimitExceeded: The space has ten filters.
        NotFound: There is no such space.
    """
    condition = query.strip()
    compile_fql(condition)
    called = name.strip() or " ".join(condition.split())[:MAX_NAME_CHARS]
    if len(called) > MAX_NAME_CHARS or not called.isprintable():
        raise InvalidField(
            "The filter cannot have this name.", hint=f"Give it one of up to {MAX_NAME_CHARS} characters, or none."
        )
    now = workspace.now()
    with workspace.database.transaction() as connection:
        others = _read_locked(connection, space_id)
        _require_room(others)
        if any(called == other.name for other in others if other.is_active):
            raise InvalidField(f"There is already a filter named {called!r}.", hint="Choose another name.")
        spans = open_span((), take_position(connection, workspace, space_id))
        made = EventFilter(new_id("flt", now), called, condition, spans)
        values = {**made._asdict(), "spans": write_spans(spans), "created_at": now, "created_by": workspace.actor}
        connection.execute(insert(event_filters).values(space_id=space_id, **values))
        record_change(connection, workspace, "created", "event_filter", made.id, after=_describe(space_id, made))
    return made


def remove_filter(workspace: Workspace, space_id: str, filter_id: str) -> EventFilter:
    """Drop nothing more by the filter. What it has dropped stays dropped, also when profiles are built again.

    Raises:
        NotFound: There is no such filter.
    """
    with workspace.database.transaction() as connection:
        found = _find(_read_locked(connection, space_id), filter_id, is_active=True)
        spans = close_span(found.spans, take_position(connection, workspace, space_id))
        _write_spans(connection, found.id, spans)
        record_change(connection, workspace, "deleted", "event_filter", found.id, before=_describe(space_id, found))
    return found


def restore_filter(workspace: Workspace, space_id: str, filter_id: str) -> EventFilter:
    """Let a filter that was removed drop messages again, from now on.

    Raises:
        LimitExceeded: The space has ten filters.
        NotFound: No such filter was removed.
    """
    with workspace.database.transaction() as connection:
        others = _read_locked(connection, space_id)
        found = _find(others, filter_id, is_active=False)
        _require_room(others)
        spans = open_span(found.spans, take_position(connection, workspace, space_id))
        _write_spans(connection, found.id, spans)
        record_change(connection, workspace, "restored", "event_filter", found.id, after=_describe(space_id, found))
    return found


def try_filter(workspace: Workspace, space_id: str, query: str, *, newest: int = TRIED_MESSAGES) -> FilterTrial:
    """Return what a filter would have dropped of the newest messages that reach the space now. Changes nothing.

    Raises:
        InvalidField: Code `invalid_filter`: the condition is none, and why.
    """
    condition = compile_fql(query.strip())
    events = open_event_log(workspace).search(limit=newest)
    with workspace.database.reading() as connection:
        ours = read_reading(connection, space_id).select(events[::-1]).ours
    messages = ((event, find_message(event)) for event in reversed(ours))
    return FilterTrial(len(ours), [event for event, message in messages if message is not None and condition(message)])


def forget_values(connection: Connection, pattern: re.Pattern[str], instead: str) -> int:
    """Put `instead` in the place of people's values in all filters, and return how many changed.

    In the caller's transaction. Only in texts of a condition, and not inside words: for others a filter stays as it is.
    """
    whole = re.compile(rf"(?<!\w)(?:{pattern.pattern})(?!\w)", pattern.flags)
    changed = 0
    for row in connection.execute(select(event_filters.c.id, event_filters.c.name, event_filters.c.query)).all():
        query = _TEXT.sub(lambda text: whole.sub(instead, text[0]), row.query)
        new = {"name": whole.sub(instead, row.name), "query": query}
        if new != {"name": row.name, "query": row.query}:
            connection.execute(update(event_filters).where(event_filters.c.id == row.id).values(new))
            changed += 1
    return changed


def _require_room(others: Sequence[EventFilter]) -> None:
    if sum(other.is_active for other in others) >= MAX_FILTERS:
        raise LimitExceeded(
            f"The space has {MAX_FILTERS} event filters, and no more fit.",
            hint="Remove one first, or join two of them by `or`.",
        )


def _read_locked(connection: Connection, space_id: str) -> Sequence[EventFilter]:
    # The space's row is the lock: two people must not both make the tenth.
    if connection.execute(select(spaces.c.id).where(spaces.c.id == space_id).with_for_update()).first() is None:
        raise NotFound(f"There is no profile space {space_id}.", hint="Choose one of the workspace's spaces.")
    return read_reading(connection, space_id).filters


def _find(filters: Sequence[EventFilter], name: str, *, is_active: bool) -> EventFilter:
    for each in reversed(filters):
        if each.is_active is is_active and name in (each.id, each.name):
            return each
    raise NotFound(f"The space has no such filter: {name}.", hint="Reload the list; somebody was faster.")


def _write_spans(connection: Connection, filter_id: str, spans: Spans) -> None:
    connection.execute(update(event_filters).where(event_filters.c.id == filter_id).values(spans=write_spans(spans)))


def _describe(space_id: str, each: EventFilter) -> dict[str, object]:
    return {"space_id": space_id, "name": each.name, "query": each.query}
