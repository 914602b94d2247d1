"""A message on its way into the log, and a message of the log."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from core.clock import from_millis

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
