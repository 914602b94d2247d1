"""Which messages of the log a space reads: those of its sources while they are connected, but none that a filter drops.

Connections and filters hold for parts of the log, from one offset to another. So a message meets the same fate whether
it is read as it comes, in a rebuild, or in a what-if: what a person changes counts for the messages that come after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, text

from core.events.event_log import StoredEvent, open_event_log
from core.events.fql import compile_fql
from core.events.message import Message
from core.storage.bulk import select_equal
from core.storage.lease import block_lease
from core.storage.tables import event_filters, space_sources
from core.workspaces.spans import FROM_THE_START, Spans, is_between, is_in, is_open, read_spans
from core.workspaces.workspace import Workspace

SOURCE_COLUMNS = (space_sources.c.source_id, space_sources.c.spans, space_sources.c.replays)
FILTER_COLUMNS = (event_filters.c.id, event_filters.c.name, event_filters.c.query, event_filters.c.spans)
_ADD = text(
    "INSERT INTO filter_counts (space_id, filter_id, dropped, last_offset)"
    " VALUES (:space_id, :filter_id, :dropped, :last_offset) ON CONFLICT (space_id, filter_id)"
    " DO UPDATE SET dropped = filter_counts.dropped + excluded.dropped, last_offset = excluded.last_offset"
)


class EventFilter(NamedTuple):
    """A condition in FQL; messages that meet it reach no profile while it holds."""

    id: str
    name: str
    query: str
    spans: Spans

    @property
    def is_active(self) -> bool:
        """Whether it holds for new messages."""
        return is_open(self.spans)


@dataclass(frozen=True, slots=True)
class Selected:
    """Messages of a batch: those that the space reads, those of disconnected sources, and those that a filter drops."""

    ours: Sequence[StoredEvent]
    unread: Sequence[StoredEvent]
    filtered: Mapping[str, Sequence[StoredEvent]]

    @property
    def left_out(self) -> Iterator[tuple[StoredEvent, bool | None]]:
        """What is left out, as `count_messages` takes it."""
        yield from ((event, None) for event in self.unread)
        yield from ((event, False) for events in self.filtered.values() for event in events)


@dataclass(frozen=True, slots=True)
class SpaceReading:
    """What one space reads: sources that it reads or has read, and filters that hold or have held.

    `replays` counts how often each source was connected again with what had come meanwhile.
    """

    sources: Mapping[str, Spans]
    replays: Mapping[str, int]
    filters: Sequence[EventFilter]

    def select(self, events: Sequence[StoredEvent]) -> Selected:
        """Sort the messages of a batch, each list in their order. O(messages); they are parsed only for a filter."""
        whole = {source_id for source_id, spans in self.sources.items() if spans == FROM_THE_START}
        ours, unread = [event for event in events if event.source_id in whole], list[StoredEvent]()
        if len(whole) < len(self.sources):
            ours = [event for event in events if self.reads(event)]
            unread = [event for event in events if event.source_id in self.sources and not self.reads(event)]
        filters = [each for each in self.filters if ours and is_between(each.spans, ours[0].offset, ours[-1].offset)]
        if not filters:
            return Selected(ours, unread, {})
        finder = _FilterFinder(filters, ours[0].offset, ours[-1].offset)
        kept, filtered = list[StoredEvent](), dict[str, list[StoredEvent]]()
        for event in ours:
            dropped_by = finder.find(event)
            (kept if dropped_by is None else filtered.setdefault(dropped_by.id, [])).append(event)
        return Selected(kept, unread, filtered)

    def reads(self, event: StoredEvent) -> bool:
        """Say whether the source of a message was connected when it came."""
        spans = self.sources.get(event.source_id)
        return spans is not None and is_in(spans, event.offset)

    def find_filter(self, event: StoredEvent) -> EventFilter | None:
        """Return the filter that drops a message that the space reads."""
        return _FilterFinder(self.filters, event.offset, event.offset).find(event)


def read_reading(connection: Connection, space_id: str) -> SpaceReading:
    """Return what the space reads, as `connection` sees it."""
    fixed = {"space_id": space_id}
    sources = select_equal(connection, SOURCE_COLUMNS, fixed)
    return to_reading(sources, select_equal(connection, FILTER_COLUMNS, fixed))


def to_reading(sources: Iterable[Sequence[Any]], filters: Iterable[Sequence[Any]]) -> SpaceReading:
    """Return what is read by the sources in `SOURCE_COLUMNS` and the filters in `FILTER_COLUMNS`."""
    spans, replays = dict[str, Spans](), dict[str, int]()
    for source_id, text_, number in sources:
        spans[source_id], replays[source_id] = read_spans(text_), number
    held = (EventFilter(id_, name, query, read_spans(text_)) for id_, name, query, text_ in filters)
    return SpaceReading(spans, replays, tuple(sorted(held)))  # by id: the oldest comes first


def read_all_of(source_ids: Iterable[str]) -> SpaceReading:
    """Return a reading of everything that these sources ever sent."""
    return SpaceReading(dict.fromkeys(source_ids, FROM_THE_START), {}, ())


def take_position(connection: Connection, workspace: Workspace, space_id: str) -> int:
    """Return the end of the log, from which on a change of what the space reads counts, in the caller's transaction.

    A build that has read further by what held before does not get its transaction through until this one is over, sees
    the change, and reads again.
    """
    block_lease(connection, f"profiles:{space_id}")
    return open_event_log(workspace).last_offset()


class FilterCounts:
    """How many messages each filter dropped, and the offset of its last one."""

    def __init__(self) -> None:
        self.dropped: dict[str, tuple[int, int]] = {}

    def add(self, selected: Selected) -> None:
        """Count messages that come behind those that were counted before."""
        for filter_id, events in selected.filtered.items():
            before, _ = self.dropped.get(filter_id, (0, 0))
            self.dropped[filter_id] = before + len(events), events[-1].offset


def add_filter_counts(connection: Connection, space_id: str, counts: FilterCounts) -> None:
    """Add what each filter dropped, in the caller's transaction."""
    rows = [
        {"space_id": space_id, "filter_id": filter_id, "dropped": dropped, "last_offset": last_offset}
        for filter_id, (dropped, last_offset) in counts.dropped.items()
    ]
    if rows:
        connection.execute(_ADD, rows)


def find_message(event: StoredEvent) -> Message | None:
    """Return the message as the conditions of filters see it; None for what is none."""
    try:
        message = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None


class _FilterFinder:
    """Finds the filter that drops a message between two offsets; what holds for all of them is asked only once."""

    def __init__(self, filters: Sequence[EventFilter], first: int, last: int) -> None:
        self._filters = [
            (each, compile_fql(each.query), any(is_in([span], first) and is_in([span], last) for span in each.spans))
            for each in filters
        ]

    def find(self, event: StoredEvent) -> EventFilter | None:
        message = find_message(event)
        if message is None:
            return None
        for each, condition, is_always in self._filters:
            if condition(message) and (is_always or is_in(each.spans, event.offset)):
                return each
        return None
