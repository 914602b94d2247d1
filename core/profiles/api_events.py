"""The events that the Profile API shows of a person: track calls of the last 14 days.

In the order in which they arrived, because that order never changes under a reader who turns pages. A page looks at a
bounded number of messages: it may hold fewer than were asked for, or none, and say all the same that there is more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis, to_iso, to_millis
from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.events.message import Message, MessageType, read_timestamp_ms
from core.identity.identifiers import IdentifierReader
from core.identity.rules import read_rules
from core.profiles.api_page import Json, Page, PageRequest
from core.profiles.api_reads import Person, to_external_id
from core.profiles.merge_history import find_members
from core.storage.tables import profile_messages
from core.workspaces.workspace import Workspace

KEPT = timedelta(days=14)
MAX_LOOKED_AT = 500
_AT_ONCE = 100
_HOUR_MS = 3_600_000


def read_events(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return track calls of the last 14 days, by their own time; the newest arrival first unless asked otherwise."""
    log = open_event_log(workspace)
    start_ms = max(to_millis(workspace.now() - KEPT), request.start_ms or 0)
    floor = _find_floor(log, start_ms - start_ms % _HOUR_MS)
    offsets = _list_offsets(connection, space_id, person, request, floor)
    reader = IdentifierReader(read_rules(connection, space_id))
    data: list[Json] = []
    last = None
    for event in _read_in_parts(log, offsets):
        message = orjson.loads(event.body)
        at_ms = read_timestamp_ms(message, event.received_at)
        if at_ms >= start_ms and _is_wanted(event, at_ms, request):
            data.append(_describe(event, message, from_millis(at_ms), reader))
        if len(data) == request.limit:
            last = event.offset
            break
    if last is None and len(offsets) == MAX_LOOKED_AT:
        last = offsets[-1]
    has_more = last is not None and (last != offsets[-1] or len(offsets) == MAX_LOOKED_AT)
    return Page({"data": data}, (last,) if has_more else None)


def _list_offsets(
    connection: Connection, space_id: str, person: Person, request: PageRequest, floor: int
) -> Sequence[int]:
    table = profile_messages.c
    query = select(table.log_offset).where(
        table.space_id == space_id,
        table.profile_id.in_(find_members(connection, space_id, [person.id])),
        table.type == MessageType.TRACK,
        table.log_offset >= floor,
    )
    if request.after is not None:
        (after,) = request.after
        query = query.where(table.log_offset > after if request.is_ascending else table.log_offset < after)
    order = table.log_offset.asc() if request.is_ascending else table.log_offset.desc()
    return connection.execute(query.order_by(order).limit(MAX_LOOKED_AT)).scalars().all()


def _read_in_parts(log: EventLog, offsets: Sequence[int]) -> Iterator[StoredEvent]:
    for start in range(0, len(offsets), _AT_ONCE):
        yield from log.get_many(offsets[start : start + _AT_ONCE])


def _is_wanted(event: StoredEvent, at_ms: int, request: PageRequest) -> bool:
    if request.end_ms is not None and at_ms > request.end_ms:
        return False
    if request.start_ms is not None and at_ms < request.start_ms:
        return False
    return event.name not in request.exclude and (not request.include or event.name in request.include)


def _describe(event: StoredEvent, message: Message, at: datetime, reader: IdentifierReader) -> Json:
    return {
        "type": event.type,
        "event": event.name,
        "properties": message.get("properties") or {},
        "context": _leave_out_consent(message.get("context")),
        "external_ids": [to_external_id(*identifier) for identifier in reader.read(message).identifiers],
        "timestamp": to_iso(at),
        "message_id": event.message_id,
        "source_id": event.source_id,
    }


def _leave_out_consent(context: object) -> Json:
    """Return the context without what the person consented to, which the Profile API does not tell."""
    return {key: value for key, value in context.items() if key != "consent"} if isinstance(context, dict) else {}


@lru_cache(maxsize=256)
def _find_floor(log: EventLog, at_ms: int) -> int:
    """Return an offset before which nothing was received at `at_ms` or later, by halving. O(log n) reads."""
    low, high, at = 1, log.last_offset() + 1, from_millis(at_ms)
    while low < high:
        middle = (low + high) // 2
        found = log.read(middle - 1, 1)
        if found and found[0].received_at < at:
            low = found[0].offset + 1
        else:
            high = middle
    return low
