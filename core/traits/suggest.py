"""What a person who defines a trait can choose from: the events that were heard of, and their properties."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import orjson

from core.events.counts import COUNTS_KEPT, OTHER_NAMES, count_by_key, end_span
from core.events.event_log import EventLog
from core.traits.definition import read_properties

READ_MESSAGES = 50
MAX_DEPTH = 3
MAX_NAMES = 200


def list_event_names(log: EventLog, now: datetime, message_type: str) -> list[str]:
    """Return the names of the last 35 days, the most frequent first: events, or pages. O(counts)."""
    counts = count_by_key(log, end_span(now, COUNTS_KEPT))
    names = dict.fromkeys(key.name for key in counts if key.type == message_type and key.name != OTHER_NAMES)
    return [name for name in names if name][:MAX_NAMES]


def list_properties(log: EventLog, message_type: str, event: str | None) -> list[str]:
    """Return the dotted paths of the properties that the newest 50 such messages have, in the alphabet."""
    found: set[str] = set()
    for stored in log.search(type=message_type, name=event, limit=READ_MESSAGES):
        message = orjson.loads(stored.body)
        found.update(_list_paths(read_properties(message), MAX_DEPTH))
    return sorted(found, key=str.lower)[:MAX_NAMES]


def _list_paths(container: dict[str, object], depth: int) -> Iterator[str]:
    for key, value in container.items():
        if isinstance(value, dict) and depth > 1:
            yield from (f"{key}.{path}" for path in _list_paths(value, depth - 1))
        else:
            yield key
