"""What a message must be to be taken, and the code under which it is refused otherwise.

Codes are those of the tracking API where it has one (docs/errors.md). A null, and an empty id, count as absent, because
several client libraries send those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from core.events.message import MAX_MESSAGE_ID_CHARS, Message, MessageType


class Fault(NamedTuple):
    """Why a message is refused: a stable code, and a sentence with what to do."""

    code: str
    reason: str


SOURCE_DISABLED = Fault(code="source_disabled", reason="The source is disabled. Enable it, then send again.")
"""Why nothing of a disabled source is taken, whatever it sends."""


def find_fault(message: Message) -> Fault | None:
    """Return the first rule that `message` breaks; None for a message that can be taken."""
    type_ = message.get("type")
    check = _CHECKS.get(type_) if isinstance(type_, str) else None
    if check is None:
        return Fault(code="unknown_type", reason=f"type is none of {', '.join(MessageType)}.")
    return check(message) or _check_message_id(message) or _check_context(message)


def _check_track(message: Message) -> Fault | None:
    event = message.get("event")
    if event is None or event == "":
        return Fault(code="event_not_defined", reason="A track call needs event: the name of what happened.")
    if not isinstance(event, str):
        return Fault(code="event_not_string", reason="event must be a text.")
    return _check_object(message, "properties") or _check_ids(message)


def _check_identify(message: Message) -> Fault | None:
    return _check_object(message, "traits") or _check_ids(message)


def _check_view(message: Message) -> Fault | None:
    name, category = message.get("name"), message.get("category")
    if name is not None and (name == "" or not isinstance(name, str)):
        return Fault(code="name_not_string", reason="name must be a text that is not empty; leave it out otherwise.")
    if category is not None and not isinstance(category, str):
        return Fault(code="category_not_string", reason="category must be a text.")
    return _check_object(message, "properties") or _check_ids(message)


def _check_group(message: Message) -> Fault | None:
    return _require_id(message, "groupId") or _check_object(message, "traits") or _check_ids(message)


def _check_alias(message: Message) -> Fault | None:
    return _require_id(message, "previousId") or _require_id(message, "userId") or _check_ids(message)


_CHECKS: Mapping[str, Callable[[Message], Fault | None]] = {
    MessageType.TRACK: _check_track,
    MessageType.IDENTIFY: _check_identify,
    MessageType.PAGE: _check_view,
    MessageType.SCREEN: _check_view,
    MessageType.GROUP: _check_group,
    MessageType.ALIAS: _check_alias,
}


def _check_object(message: Message, key: str) -> Fault | None:
    value = message.get(key)
    if value is None or isinstance(value, dict):
        return None
    if key == "properties":
        return Fault(code="properties_not_object", reason="properties must be an object.")
    return Fault(code="traits_not_object", reason="traits must be an object.")


def _check_ids(message: Message) -> Fault | None:
    user_id, anonymous_id = message.get("userId"), message.get("anonymousId")
    if user_id is not None and not isinstance(user_id, str):
        return Fault(code="id_not_string", reason="userId must be a text.")
    if anonymous_id is not None and not isinstance(anonymous_id, str):
        return Fault(code="id_not_string", reason="anonymousId must be a text.")
    if not user_id and not anonymous_id:
        return Fault(code="no_user_anon_id", reason="The message needs a userId, an anonymousId, or both.")
    return None


def _require_id(message: Message, key: str) -> Fault | None:
    value = message.get(key)
    if value is None:
        return Fault(code="id_required", reason=f"This call needs {key}.")
    if value == "" or not isinstance(value, str):
        return Fault(code="id_not_string", reason=f"{key} must be a text that is not empty.")
    return None


def _check_message_id(message: Message) -> Fault | None:
    value = message.get("messageId")
    if value is None or value == "":
        return None  # it is given one
    if not isinstance(value, str):
        return Fault(code="id_not_string", reason="messageId must be a text.")
    if len(value) > MAX_MESSAGE_ID_CHARS:
        return Fault(
            code="message_id_too_long", reason=f"messageId must have at most {MAX_MESSAGE_ID_CHARS} characters."
        )
    return None


def _check_context(message: Message) -> Fault | None:
    integrations, context = message.get("integrations"), message.get("context")
    if integrations is not None and not isinstance(integrations, dict):
        return Fault(code="integrations_not_object", reason="integrations must be an object.")
    if context is None:
        return None
    if not isinstance(context, dict):
        return Fault(code="context_not_object", reason="context must be an object.")
    device = context.get("device")
    if isinstance(device, dict) and not isinstance(device.get("advertisingId"), str | None):
        return Fault(
            code="device_advertisingid_should_be_string", reason="context.device.advertisingId must be a text."
        )
    consent = context.get("consent")
    return None if consent is None else _check_consent(consent)


def _check_consent(consent: object) -> Fault | None:
    categories = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if categories is None:
        return Fault(
            code="consent_categorypreferences_should_exist", reason="context.consent needs categoryPreferences."
        )
    if not isinstance(categories, dict):
        return Fault(
            code="consent_categorypreferences_fields_should_be_object",
            reason="context.consent.categoryPreferences must be an object.",
        )
    if not all(isinstance(value, bool) for value in categories.values()):
        return Fault(
            code="consent_categorypreferences_fields_should_be_bool",
            reason="Every value of context.consent.categoryPreferences must be true or false.",
        )
    version = consent.get("version") if isinstance(consent, dict) else None
    if isinstance(version, bool) or not isinstance(version, int | float | None):
        return Fault(code="consent_version_should_be_number", reason="context.consent.version must be a number.")
    return None
