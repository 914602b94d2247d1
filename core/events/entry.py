"""A message on its way into the log, and a message of the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from core.clock import from_millis, to_millis

COLUMNS = "offset, source_id, message_id, type, name, user_id, received_at, body"
"""What a stored event consists of, as SQL; the order of `StoredEvent`."""

Row = tuple[int, str, str, str, str | None, str | None, int, bytes]
"""One row of `COLUMNS`; the time in ms since 1970."""


class LogEntry(NamedTuple):
    """One message on its way into the log. `body` is the whole message as UTF-8 JSON.

    `app_version` is only counted: the log keeps it in the body.
    """

    source_id: str
    message_id: str
    type: str
    name: str | None
    user_id: str | None
    received_at: datetime
    body: bytes
    app_version: str | None = None


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """Messages on their way into the log, all of one source, type and time, as columns.

    Attributes:
        source_id: Their source.
        type: Their type.
        received_at: When they came.
        columns: An Arrow table of texts: `message_id`, `user_id` (may be null), and `body`, the whole message as JSON.
        producer: Who sends them: its messages have one order, and what it repeats are the last that it sent. None: any
            message may come again at any time, which costs a look at all that the source sent in the last day.
    """

    source_id: str
    type: str
    received_at: datetime
    columns: pa.Table
    producer: str | None = None


class StoredEvent(NamedTuple):
    """One message of the log."""

    offset: int
    source_id: str
    message_id: str
    type: str
    name: str | None
    user_id: str | None
    received_at: datetime
    body: bytes


def to_event(row: Row) -> StoredEvent:
    """Return the event of one row."""
    offset, source_id, message_id, type_, name, user_id, received_at, body = row
    return StoredEvent(offset, source_id, message_id, type_, name, user_id, from_millis(received_at), body)


def to_row(event: StoredEvent) -> Row:
    """Return the row of one event."""
    return (*event[:6], to_millis(event.received_at), event.body)
