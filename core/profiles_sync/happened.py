"""What happened: the messages that reached profiles, and what each of them changed, as rows of the warehouse's tables.

Decisions where the specification is silent:
- `segment_id` is the profile that a message reached when it was resolved; `id_graph` says what that has become.
- A message is one row for each trait that it set in `profile_traits_updates`, whether or not the value was new.
- Values that are no text are JSON; a text stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis, to_iso
from core.events.event_log import EventLog, StoredEvent
from core.events.message import Message, MessageType, read_timestamp_ms
from core.profiles.merge_history import find_survivors
from core.profiles_sync.layout import (
    CALLS,
    CREATED,
    EXTERNAL_ID_UPDATES,
    ID_GRAPH_UPDATES,
    OPERATION,
    TRAIT_UPDATES,
    SyncedTable,
)
from core.storage.bulk import select_in
from core.storage.tables import identifiers, merges, profile_messages, profiles, sources

Row: TypeAlias = Mapping[str, object]
Rows: TypeAlias = dict[SyncedTable, list[Row]]
"""Rows by table; a column that a row does not name is NULL. Times are ISO 8601, numbers are ints, the rest is text."""
SENT = "sent"
"""Where the row of a track call has its properties as they were sent; no column."""


def read_span(
    connection: Connection, log: EventLog, space_id: str, after: int, limit: int, last: int, since: datetime
) -> tuple[Rows, int]:
    """Return the rows of the next `limit` messages with an offset above `after`, to `last`, and where they end.

    Messages that were received before `since` have none.

    Raises:
        StoreUnreadable: A file of a closed day is damaged or missing.
    """
    resolved, end = _read_resolved(connection, space_id, after, limit, last)
    events = {event.offset: event for event in log.get_many(list(resolved)) if event.received_at >= since}
    rows: Rows = {}
    if not events:
        return rows, end
    for offset, event in events.items():
        message = orjson.loads(event.body)
        about = _describe(event, message, resolved[offset])
        rows.setdefault(CALLS[event.type], []).append({**about, **_tell(event, message)})
        if event.type == MessageType.IDENTIFY:
            rows.setdefault(TRAIT_UPDATES, []).extend(_list_traits(about, message))
    rows[ID_GRAPH_UPDATES] = list(_read_graph(connection, space_id, resolved, events, after, end))
    rows[EXTERNAL_ID_UPDATES] = list(_read_identifiers(connection, space_id, resolved, events))
    return rows, end


def read_track_calls(
    connection: Connection, log: EventLog, space_id: str, after: int, limit: int, last: int, since: datetime
) -> tuple[Sequence[Row], int]:
    """Return the rows that `read_span` gives of the next `limit` track calls, and where they end.

    Raises:
        StoreUnreadable: A file of a closed day is damaged or missing.
    """
    resolved, end = _read_resolved(connection, space_id, after, limit, last, MessageType.TRACK)
    rows = []
    for event in log.get_many(list(resolved)):
        if event.received_at >= since:
            message = orjson.loads(event.body)
            rows.append({**_describe(event, message, resolved[event.offset]), **_tell(event, message)})
    return rows, end


def to_text(value: object) -> str | None:
    """Return a trait's value as the text that stands in the warehouse."""
    if value is None:
        return None
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def hash_identifier(type_: str, value: str) -> str:
    """Return the text by which an identifier can be joined without being read."""
    return hashlib.sha256(f"{type_}:{value}".encode()).hexdigest()


def _read_resolved(
    connection: Connection, space_id: str, after: int, limit: int, last: int, type_: MessageType | None = None
) -> tuple[dict[int, str], int]:
    """Return whom the next messages, of one type or any, reached, by offset, and where they end."""
    table = profile_messages.c
    query = (
        select(table.log_offset, table.profile_id)
        .where(table.space_id == space_id, table.log_offset > after, table.log_offset <= last)
        .order_by(table.log_offset)
        .limit(limit)
    )
    if type_ is not None:
        query = query.where(table.type == type_)
    resolved: dict[int, str] = {row.log_offset: row.profile_id for row in connection.execute(query)}
    return resolved, last if len(resolved) < limit else max(resolved)


def _describe(event: StoredEvent, message: Message, segment_id: str) -> dict[str, object]:
    return {
        "id": event.message_id,
        "seq": event.offset,
        "segment_id": segment_id,
        "event_source_id": event.source_id,
        "user_id": to_text(message.get("userId")),
        "anonymous_id": to_text(message.get("anonymousId")),
        "received_at": to_iso(event.received_at),
        "timestamp": to_iso(from_millis(read_timestamp_ms(message, event.received_at))),
    }


def _tell(event: StoredEvent, message: Message) -> dict[str, object]:
    return {
        "context": to_text(message.get("context") or {}),
        "properties": to_text(message.get("properties") or {}),
        SENT: message.get("properties"),
        "traits": to_text(message.get("traits") or {}),
        "event": event.name,
        "name": event.name,
        "group_id": to_text(message.get("groupId")),
        "previous_id": to_text(message.get("previousId")),
    }


def _list_traits(about: Mapping[str, Any], message: Message) -> Iterator[Row]:
    traits = message.get("traits")
    for name, value in traits.items() if isinstance(traits, dict) else ():
        yield {
            **about,
            "name": name,
            "value": to_text(value),
            "triggering_event_id": about["id"],
            "triggering_event_source_id": about["event_source_id"],
        }


def read_sources(connection: Connection) -> Mapping[str, Row]:
    """Return what each source of the workspace is called, by its id."""
    query = select(sources.c.id.label("source_id"), sources.c.name, sources.c.slug)
    return {row.source_id: dict(row._mapping) for row in connection.execute(query)}


def _trigger(event: StoredEvent) -> dict[str, object]:
    return {
        "triggering_event_id": event.message_id,
        "triggering_event_type": event.type,
        "triggering_event_name": event.name,
        "triggering_event_source_id": event.source_id,
        "received_at": to_iso(event.received_at),
    }


def _read_graph(
    connection: Connection,
    space_id: str,
    resolved: Mapping[int, str],
    events: Mapping[int, StoredEvent],
    after: int,
    end: int,
) -> Iterator[Row]:
    columns = (profiles.c.id, profiles.c.created_at, profiles.c.created_offset)
    for row in select_in(connection, columns, {"space_id": space_id}, "id", sorted(set(resolved.values()))):
        if row.created_offset in events:
            at = {"seq": row.created_offset, "timestamp": to_iso(from_millis(row.created_at))}
            yield {
                "segment_id": row.id,
                "canonical_segment_id": row.id,
                **at,
                **_trigger(events[row.created_offset]),
            }
    table = merges.c
    query = select(table.log_offset, table.merged_id, table.survivor_id, table.at).where(
        table.space_id == space_id, table.log_offset > after, table.log_offset <= end
    )
    for merge in connection.execute(query):
        if merge.log_offset not in events:
            continue
        at = {"seq": merge.log_offset, "timestamp": to_iso(from_millis(merge.at))}
        ids = {"segment_id": merge.merged_id, "canonical_segment_id": merge.survivor_id}
        yield {**ids, **at, **_trigger(events[merge.log_offset])}


def _read_identifiers(
    connection: Connection,
    space_id: str,
    resolved: Mapping[int, str],
    events: Mapping[int, StoredEvent],
) -> Iterator[Row]:
    owners: Sequence[str] = sorted(set(find_survivors(connection, space_id, set(resolved.values())).values()))
    names = ("type", "value", "first_seen_at", "first_offset")
    columns = tuple(identifiers.c[name] for name in names)
    known = read_sources(connection)
    for row in select_in(connection, columns, {"space_id": space_id}, "profile_id", owners):
        if row.first_offset in events:
            source = known.get(events[row.first_offset].source_id, {})
            yield {
                "segment_id": resolved[row.first_offset],
                **describe_mapping(CREATED, row.type, row.value, row.first_offset),
                "timestamp": to_iso(from_millis(row.first_seen_at)),
                **_trigger(events[row.first_offset]),
                "triggering_event_source_name": source.get("name"),
                "triggering_event_source_slug": source.get("slug"),
            }


def describe_mapping(operation: str, type_: str, value: str, seq: int) -> dict[str, object]:
    """Return what a row of `EXTERNAL_ID_UPDATES` says of the identifier and of what became of it."""
    external_id_hash = hash_identifier(type_, value)
    return {
        "id": f"{seq}-{operation}-{external_id_hash}",  # as `complete_mappings_sql` makes it
        "external_id_type": type_,
        "external_id_value": value,
        "external_id_hash": external_id_hash,
        "seq": seq,
        OPERATION: operation,
    }
