"""Everything that was received, accepted and refused, as one list: newest first, page by page, to the first event.

Accepted events count by their offset and refused ones by their number, so a place in the list is a pair of both. What
arrives later has a higher offset or number and lies above every place: a page never changes under its reader.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import NamedTuple, TypeAlias

from core.events.event_log import EventLog, StoredEvent
from core.events.history.search import Criteria, Found, search_events
from core.events.refused import RefusedEvent, last_refused, search_refused

Received: TypeAlias = StoredEvent | RefusedEvent


class Admission(StrEnum):
    """What became of an event when it came."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Place(NamedTuple):
    """A place in the list: below it lie the accepted events before `offset` and the refused ones before `number`."""

    offset: int
    number: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an event must be to be listed; None: anything. A `code` asks for refused events only."""

    text: str | None = None
    source_id: str | None = None
    type: str | None = None
    user_id: str | None = None
    admission: Admission | None = None
    code: str | None = None


def read_top(log: EventLog) -> Place:
    """Return the place above everything that has arrived by now."""
    return Place(log.last_offset() + 1, last_refused(log) + 1)


class Page(NamedTuple):
    """Events, newest first. `reached` is where a search stopped because its time was over; None: it looked at all."""

    events: list[Received]
    reached: Place | None = None


def search_received(
    log: EventLog,
    wanted: Wanted,
    *,
    before: Place,
    after: Place | None = None,
    limit: int = 100,
    within_s: float | None = None,
) -> Page:
    """Return the newest `limit` events that are wanted and lie below `before`.

    Args:
        log: The event log.
        wanted: Which events.
        before: A page's place: `read_top`, or `find_next_place` of the page before.
        after: Only what is not below this place: what has arrived since it was the top.
        limit: Page size; unit: events.
        within_s: After how many seconds to stop looking; None: never.
    """
    accepted, refused = Found([]), list[RefusedEvent]()
    if wanted.admission is not Admission.REFUSED and wanted.code is None:
        known = after.offset - 1 if after else 0
        criteria = Criteria(wanted.text, wanted.source_id, wanted.type, None, wanted.user_id)
        accepted = search_events(log, criteria, before.offset, limit, after=known, within_s=within_s)
    if wanted.admission is not Admission.ACCEPTED:
        known = after.number - 1 if after else 0
        refused = search_refused(
            log,
            text=wanted.text,
            source_id=wanted.source_id,
            type=wanted.type,
            user_id=wanted.user_id,
            code=wanted.code,
            before=before.number,
            after=known,
            limit=limit,
        )
    both: tuple[Sequence[Received], ...] = (accepted.events, refused)
    events = list(islice(heapq.merge(*both, key=_get_time, reverse=True), limit))
    if accepted.reached is None or len(events) == limit:
        return Page(events)
    return Page(events, find_next_place(events, before)._replace(offset=accepted.reached))


def read_time(log: EventLog, place: Place) -> datetime | None:
    """Return when the event at the place was received; None where it is gone."""
    return next((event.received_at for event in log.get_many([place.offset])), None)


def find_next_place(page: Sequence[Received], before: Place) -> Place:
    """Return the place of the page that comes after `page`, which was asked for with `before`."""
    offset = min((event.offset for event in page if isinstance(event, StoredEvent)), default=before.offset)
    number = min((event.number for event in page if isinstance(event, RefusedEvent)), default=before.number)
    return Place(offset, number)


def _get_time(event: Received) -> datetime:
    return event.received_at
