"""Messages on their way into the log: merged with what their batch says of all, checked, given ids and times.

Pure: nothing is written here. A message that is refused is kept as it was received, with what its batch said of it, so
that it can be mended and taken again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from core.clock import to_iso
from core.events.event_log import LogEntry
from core.events.limits import DEFAULT_LIMITS, Limits
from core.events.message import Message
from core.events.refused import Refusal
from core.events.timestamps import fill_times, measure_skew
from core.events.validate import Fault, find_fault
from core.ids import new_id

MESSAGE_VERSION = 2
MAX_KEPT_DEPTH = 100
MAX_KEPT_BYTES = DEFAULT_LIMITS.event_bytes
"""How much is kept of what nobody can take up again: an unreadable body, and events of an unknown sender."""
_BROWSER_LIBRARIES = ("analytics.js", "RudderLabs JavaScript SDK")
_NOT_AN_OBJECT = Fault(code="bad_request", reason="The event is not a JSON object.")
_TOO_DEEP = Fault(code="too_deep", reason="The event is nested too deeply to be stored.")


class Taken(NamedTuple):
    """What became of some messages; `suppressed` counts those dropped because their user asked for it."""

    entries: list[LogEntry]
    refusals: list[Refusal]
    suppressed: int = 0


def take(
    source_id: str,
    messages: Sequence[object],
    *,
    received_at: datetime,
    sent_at: object = None,
    context: object = None,
    integrations: object = None,
    suppressed: Collection[str] = frozenset(),
    ip: str | None = None,
    skew_at: datetime | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Taken:
    """Return `messages` as entries for the log, and as refusals where they cannot be taken. Complexity: O(bytes).

    Args:
        source_id: Whose messages they are.
        messages: As read from JSON; left as they are.
        received_at: When they came.
        sent_at: The batch's `sentAt`: the sender's clock when it sent; a message's own goes first.
        context: The batch's `context`; a message's own keys go first.
        integrations: The batch's `integrations`; a message's own keys go first.
        suppressed: User ids whose messages are dropped without a trace.
        ip: The sender's IPv4 address, for messages that ask for it or come from a browser.
        skew_at: When messages that are taken once more were first received: `sentAt` is compared with that.
        limits: The sizes in force.
    """
    received = to_iso(received_at)
    common = _Common(
        source_id, received_at, sent_at, context, integrations, skew_at or received_at, ip, limits, received
    )
    is_all_refused = limits.is_strict and len(messages) > limits.batch_events
    entries, refusals, dropped = list[LogEntry](), list[Refusal](), 0
    for number, given in enumerate(messages):
        if not isinstance(given, dict):
            refusals.append(_refuse(common, given, _NOT_AN_OBJECT))
            continue
        message = _merge(common, given)
        user_id = message.get("userId")
        if suppressed and isinstance(user_id, str) and user_id in suppressed:
            dropped += 1
            continue
        if number >= limits.batch_events or is_all_refused:
            limit, place = f"{limits.batch_events:,}", f"number {number + 1:,} of {len(messages):,}"
            fault = Fault(code="too_many_events", reason=f"A request may hold {limit} events; this is {place}.")
            refusals.append(_refuse(common, message, fault))
            continue
        taken = find_fault(message) or _finish(common, message, given)
        if isinstance(taken, LogEntry):
            entries.append(taken)
        else:
            refusals.append(_refuse(common, message, taken))
    return Taken(entries, refusals, dropped)


def refuse_all(
    source_id: str,
    messages: Sequence[object],
    fault: Fault,
    *,
    received_at: datetime,
    sent_at: object = None,
    context: object = None,
    integrations: object = None,
) -> list[Refusal]:
    """Return `messages` as refusals for one and the same fault; the arguments are those of `take`."""
    common = _Common(source_id, received_at, sent_at, context, integrations, received_at)
    refusals = [_refuse(common, _merge(common, item) if isinstance(item, dict) else item, fault) for item in messages]
    return refusals if source_id else [each._replace(body=each.body[:MAX_KEPT_BYTES]) for each in refusals]


def refuse_body(source_id: str, body: bytes, fault: Fault, received_at: datetime) -> Refusal:
    """Return the refusal of a request that no messages could be read from; its body is kept up to 32 KB."""
    return Refusal(source_id, fault.code, fault.reason, None, None, None, None, received_at, body[:MAX_KEPT_BYTES])


class _Common(NamedTuple):
    """What all messages of one request share."""

    source_id: str
    received_at: datetime
    sent_at: object
    context: object
    integrations: object
    skew_at: datetime
    ip: str | None = None
    limits: Limits = DEFAULT_LIMITS
    received: str | None = None


def _merge(common: _Common, given: Mapping[str, object]) -> Message:
    message: Message = {**given}
    message.pop("writeKey", None)  # browser libraries repeat it in each message; it is no part of one
    if common.sent_at is not None and message.get("sentAt") is None:
        message["sentAt"] = common.sent_at
    for key, shared in (("context", common.context), ("integrations", common.integrations)):
        own = message.get(key)
        if shared and isinstance(shared, dict) and (own is None or isinstance(own, dict)):
            message[key] = {**shared, **(own or {})}
    return message


def _finish(common: _Common, message: Message, given: Mapping[str, object]) -> LogEntry | Fault:
    """Return the entry of a message that is right but for its size and depth."""
    full: Message = {**message}
    received_at = common.received_at
    message_id = full.get("messageId") or new_id("msg", received_at)
    full["messageId"] = message_id
    fill_times(full, received_at, _measure_skew(common, full), received=common.received)
    full.setdefault("version", MESSAGE_VERSION)
    if common.ip:
        _fill_ip(full, common.ip)
    try:
        body = orjson.dumps(full)
    except (TypeError, ValueError):
        return _TOO_DEEP
    limit = common.limits.event_bytes
    if len(body) > limit and len(orjson.dumps(given)) > limit:  # what the log adds does not count
        return Fault(code="payload_too_large", reason=f"The event is larger than {limit // 1024} KB.")
    name = full.get("event") or full.get("name")
    return LogEntry(
        common.source_id,
        message_id,
        full["type"],
        name if isinstance(name, str) else None,
        full.get("userId") or None,
        received_at,
        body,
        _read_app_version(full),
    )


def _read_app_version(message: Message) -> str | None:
    context = message.get("context")
    app = context.get("app") if context else None
    return _text(app.get("version")) if isinstance(app, dict) else None


def _measure_skew(common: _Common, message: Message) -> timedelta | None:
    sent_at = message.get("sentAt")
    return None if sent_at is None else measure_skew(sent_at, common.skew_at)


def _fill_ip(message: Message, ip: str) -> None:
    context = message.get("context")
    if not context or context.get("ip"):
        return
    library = context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    if context.get("direct") is True or name in _BROWSER_LIBRARIES:
        message["context"] = {**context, "ip": ip}


def _refuse(common: _Common, message: object, fault: Fault) -> Refusal:
    fields = message if isinstance(message, dict) else {}
    return Refusal(
        common.source_id,
        fault.code,
        fault.reason,
        _text(fields.get("messageId")),
        _text(fields.get("type")),
        _text(fields.get("event")) or _text(fields.get("name")),
        _text(fields.get("userId")),
        common.received_at,
        _dump(message),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _dump(message: object) -> bytes:
    try:
        return orjson.dumps(message)
    except (TypeError, ValueError):
        return orjson.dumps(_prune(message, MAX_KEPT_DEPTH))


def _prune(value: object, depth: int) -> object:
    """Return `value` without what is nested deeper than `depth`."""
    if isinstance(value, dict):
        return {key: _prune(item, depth - 1) for key, item in value.items()} if depth else "[nested deeper]"
    if isinstance(value, list):
        return [_prune(item, depth - 1) for item in value] if depth else "[nested deeper]"
    return value
