"""The message: what every source becomes before it enters the log. Keys on the wire are camelCase."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

from core.clock import to_iso, to_millis
from core.errors import InvalidEvent
from core.events.event_log import LogEntry

MAX_MESSAGE_ID_CHARS = 100
MAX_GROUP_ID_CHARS = 500
_ID_TYPES = (str, int)  # a union of types is four times slower to test for

Message: TypeAlias = dict[str, Any]
"""A message as read from JSON; its values are whatever the sender sent."""


class MessageType(StrEnum):
    """The six calls of the message specification."""

    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


def to_log_entry(source_id: str, message: Mapping[str, object], received_at: datetime) -> LogEntry:
    """Return `message` as an entry for the log; `receivedAt` and the timestamps that are missing are filled in.

    Raises:
        InvalidEvent: The type is none of the six, or the message id is missing or too long.
    """
    type_, message_id = message.get("type"), message.get("messageId")
    if type_ not in set(MessageType):
        raise InvalidEvent(f"The message type {type_!r} is unknown.", hint=f"Use one of {', '.join(MessageType)}.")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= MAX_MESSAGE_ID_CHARS:
        raise InvalidEvent(
            "The message has no usable messageId.", hint=f"Give it one of 1 to {MAX_MESSAGE_ID_CHARS} characters."
        )
    received = to_iso(received_at)
    original = message.get("originalTimestamp") or message.get("timestamp") or received
    full = {
        **message,
        "timestamp": message.get("timestamp") or original,
        "originalTimestamp": original,
        "receivedAt": received,
    }
    name, user_id = message.get("event") or message.get("name"), message.get("userId")
    return LogEntry(
        source_id,
        message_id,
        str(type_),
        name if isinstance(name, str) else None,
        user_id if isinstance(user_id, str) and user_id else None,
        received_at,
        orjson.dumps(full),
    )


def read_timestamp_ms(message: Message, received_at: datetime) -> int:
    """Return when the message happened, in ms since 1970.

    That is `timestamp`; without it `originalTimestamp`, moved by the device's clock skew where `sentAt` tells it;
    without both, `received_at`. A time that cannot be read counts as absent.

    Source: tracking API, timestamps: timestamp = receivedAt - (sentAt - originalTimestamp).
    """
    at = parse_time(message.get("timestamp"))
    if at is None:
        at = parse_time(message.get("originalTimestamp"))
        sent_at = parse_time(message.get("sentAt"))
        if at is not None and sent_at is not None:
            at = _subtract(received_at, sent_at - at)
    return to_millis(received_at if at is None else at)


def read_group_id(message: Message) -> str | None:
    """Return the account that a message of any type names: its `groupId`, else that of its context; None for none."""
    context = message.get("context")
    for raw in (message.get("groupId"), context.get("groupId") if isinstance(context, dict) else None):
        if isinstance(raw, _ID_TYPES) and not isinstance(raw, bool) and is_group_id(value := str(raw).strip()):
            return value
    return None


def is_group_id(text: str) -> bool:
    """Say whether an account can be called so."""
    return 0 < len(text.strip()) <= MAX_GROUP_ID_CHARS and text.isprintable()


def parse_time(value: object) -> datetime | None:
    """Return the ISO 8601 text `value` as an aware time (UTC where it names no zone), or None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at if at.tzinfo is UTC else at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def find_path(container: object, path: str) -> object:
    """Return the value at a dotted path such as `page.url`, or None; a key that holds the dots itself comes first.

    Keys match in any letter case, because Flex sends `direction` and `Direction`; an exact match comes first.
    """
    if not isinstance(container, dict):
        return None
    found = _find_exact(container, path)
    if found is not None:
        return found
    found = _find_key(container, path)
    if found is None and "." in path:
        head, rest = path.split(".", 1)
        found = find_path(_find_key(container, head), rest)
    return found


def to_number(value: object) -> float | None:
    """Return `value` as a finite number where it is one, or a text that spells one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not (end := value.rstrip()[-1:]).isdecimal() and end != ".":
        return None  # to have `float` refuse a text takes much longer
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _find_exact(container: dict[str, object], path: str) -> object:
    found = container.get(path)
    if found is None and "." in path:
        head, rest = path.split(".", 1)
        inner = container.get(head)
        found = _find_exact(inner, rest) if isinstance(inner, dict) else None
    return found


def _find_key(container: dict[str, object], key: str) -> object:
    found = container.get(key)
    if found is not None:
        return found
    wanted = key.lower()
    matches = sorted(name for name in container if name.lower() == wanted)
    return next((container[name] for name in matches if container[name] is not None), None)


def _subtract(at: datetime, span: timedelta) -> datetime:
    try:
        return at - span
    except OverflowError:
        return at
