"""What a person did and what became known of them, newest first: messages, told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from core.clock import from_millis
from core.events.event_log import StoredEvent
from core.events.message import MessageType, read_timestamp_ms
from core.profiles.apply import read_sent_traits
from core.profiles.lookup import list_profile_events
from core.workspaces.workspace import Workspace

MAX_DETAILS = 4
_SAYS_NOTHING = re.compile(r"(?=\S*[0-9])[A-Za-z0-9_\-]{18,}|\d{4}-\d\d-\d\dT\S+")  # an id, or one more time
_NO_DETAILS = frozenset({"title", "url", "path", "referrer", "search", "name"})


class TimelineKind(StrEnum):
    """What of a person's messages is looked at."""

    ALL = "all"
    EVENTS = "events"
    TRAITS = "traits"
    ACCOUNTS = "accounts"


TYPES: Mapping[TimelineKind, tuple[MessageType, ...]] = {
    TimelineKind.ALL: (),
    TimelineKind.EVENTS: (MessageType.TRACK, MessageType.PAGE, MessageType.SCREEN),
    TimelineKind.TRAITS: (MessageType.IDENTIFY,),
    TimelineKind.ACCOUNTS: (MessageType.GROUP,),
}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One message in words: `details` are some of the `detail_count` traits or properties that it carried, not its ids.

    `at` is when it happened, by the sender's clock as corrected; the order is that in which messages came.
    """

    offset: int
    at: datetime
    type: str
    title: str
    details: tuple[tuple[str, str], ...]
    detail_count: int
    source_id: str


def list_timeline(
    workspace: Workspace,
    space_id: str,
    profile_id: str,
    kind: TimelineKind = TimelineKind.ALL,
    *,
    limit: int = 25,
    before: int | None = None,
) -> list[TimelineEntry]:
    """Return a page of the person's timeline; `before` is the last offset of the page before."""
    events = list_profile_events(workspace, space_id, profile_id, limit=limit, before=before, types=TYPES[kind])
    return [_describe(event) for event in events]


def _describe(event: StoredEvent) -> TimelineEntry:
    message = orjson.loads(event.body)
    at = from_millis(read_timestamp_ms(message, event.received_at))
    found = list(_read_details(event.type, message))
    told = [each for each in found if not _SAYS_NOTHING.fullmatch(each[1])] or found
    title = _choose_title(event, message)
    return TimelineEntry(event.offset, at, event.type, title, tuple(told[:MAX_DETAILS]), len(found), event.source_id)


def _choose_title(event: StoredEvent, message: Mapping[str, Any]) -> str:
    if event.type == MessageType.IDENTIFY:
        return "Traits set"
    if event.type == MessageType.GROUP:
        return f"Belongs to {message.get('groupId')}"
    if event.type == MessageType.ALIAS:
        return f"Also known as {message.get('userId')}"
    if event.type in (MessageType.PAGE, MessageType.SCREEN):
        properties = message.get("properties")
        title = properties.get("title") or properties.get("path") if isinstance(properties, dict) else None
        return f"Viewed {event.name or title or f'a {event.type}'}"
    return event.name or "Event"


def _read_details(type_: str, message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    values: Any
    if type_ == MessageType.IDENTIFY:
        values = read_sent_traits(message)
    else:
        values = message.get("traits" if type_ == MessageType.GROUP else "properties")
    for key, value in values.items() if isinstance(values, dict) else ():
        if type_ in (MessageType.PAGE, MessageType.SCREEN) and key in _NO_DETAILS:
            continue
        for name, each in value.items() if isinstance(value, dict) else ((key, value),):
            if each is not None and each != "":
                yield name, _tell(each)


def _tell(value: object) -> str:
    """Return a value as a person reads it: a list of things by their names."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        names = [each.get("name") if isinstance(each, dict) else each for each in value]
        if all(isinstance(name, str | int | float) for name in names):
            return ", ".join(map(str, names))
    return orjson.dumps(value).decode()
