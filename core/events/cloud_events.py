"""CloudEvents of Twilio Event Streams as messages: the type becomes a track event's name, the data its properties."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from core.errors import InvalidEvent
from core.events.message import Message, find_path

_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_OUTBOUND = ("outbound", "outbound-api", "outbound-dial", "outbound-call", "outbound-reply")
_SUBJECTS = ("conversationSid", "callSid", "messageSid", "taskSid", "sid")
LIBRARY = {"name": "twilio-event-streams", "version": "1.0"}


def read_cloud_events(body: object) -> list[Message]:
    """Return one track message for each CloudEvent of a webhook's body, an array or a single object.

    Raises:
        InvalidEvent: The body holds no CloudEvents.
    """
    given = body if isinstance(body, list) else [body]
    events = [event for event in given if isinstance(event, dict) and "specversion" in event]
    if not events or len(events) < len(given):
        raise InvalidEvent(
            "The body is not an array of CloudEvents.",
            hint="Create the sink with the type webhook and the method POST.",
            code="bad_request",
        )
    return [_read_one(event) for event in events]


def _read_one(event: Mapping[str, object]) -> Message:
    data = _read_data(event.get("data"))
    customer = _find_customer(data)
    message: Message = {
        "type": "track",
        "messageId": event.get("id"),
        "event": event.get("type"),
        "properties": data,
        "timestamp": event.get("time"),
        "anonymousId": f"twilio:{customer or _find_subject(data) or event.get('id')}",
        "context": {
            "library": LIBRARY,
            "twilio": {name: event[name] for name in ("source", "subject", "dataschema") if name in event},
        },
    }
    if customer is not None:
        external = {"id": customer, "type": "phone", "collection": "users", "encoding": "none"}
        message["context"]["externalIds"] = [external]
    return message


def _read_data(data: object) -> dict[str, object]:
    if isinstance(data, str):  # an older kind of sink sends it as a text
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            return {"data": data}
    return data if isinstance(data, dict) else {} if data is None else {"data": data}


def _find_customer(data: Mapping[str, object]) -> str | None:
    """Return the phone number of the person outside: who is called or written to, else who calls or writes."""
    direction = str(find_path(data, "direction") or "").lower()
    names = ("to", "from") if direction in _OUTBOUND else ("from", "to")
    for name in names:
        found = _PHONE.search(str(find_path(data, name) or ""))  # also behind `whatsapp:`
        if found:
            return found[0]
    return None


def _find_subject(data: Mapping[str, object]) -> str | None:
    found = (find_path(data, name) for name in _SUBJECTS)
    return next((value for value in found if isinstance(value, str) and value), None)
