"""Identifiers: the values in a message that say whose it is, each from its exact place.

Decisions where the specification is silent:
- A value is trimmed. An e-mail is compared in lower case, because one person types it in several ways; the message
  keeps it as sent. Every other value, `phone` in E.164 included, is compared exactly.
- Numbers become text (`1001` and `1001.0` are `"1001"`); empty text, booleans, lists and objects are no identifiers.
- Root `traits` count on every call but group, where they describe the account. `context.groupId` names the account
  of an event and is not an identifier; `groupId` is.
- A value above 500 characters or with control characters is refused and reported, never cut.

Source: the specification's list of eleven default identifiers and of the places of custom ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core.events.message import Message, MessageType
from core.identity.blocked import find_blocked
from core.identity.rule import Identifier, IdentifierRule

MAX_VALUE_CHARS = 500

_Place = tuple[str, Callable[[dict[str, Any]], object]]
"""The part of the context that holds a value, without which nothing more is looked at, and what is read of it."""
_EMPTY: dict[str, object] = {}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # C0 and C1
_EXTERNAL_TYPE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")


class DefaultIdentifier(NamedTuple):
    """An identifier that the picker offers."""

    type: str
    label: str
    description: str


DEFAULT_IDENTIFIERS = (
    DefaultIdentifier("user_id", "User ID", "userId of a message: your own id of the customer."),
    DefaultIdentifier("email", "Email", "email in traits or context.traits; letter case does not matter."),
    DefaultIdentifier("android.id", "Android device ID", "context.device.id of an Android device."),
    DefaultIdentifier(
        "android.idfa", "Android advertising ID", "context.device.advertisingId, if the person allows ad tracking."
    ),
    DefaultIdentifier("android.push_token", "Android push token", "context.device.token of an Android device."),
    DefaultIdentifier("anonymous_id", "Anonymous ID", "anonymousId: a visitor who has not said who they are."),
    DefaultIdentifier("ga_client_id", "Google Analytics client ID", "clientId of the Google Analytics integration."),
    DefaultIdentifier("group_id", "Group ID", "groupId: the account or company the person belongs to."),
    DefaultIdentifier("ios.id", "iOS device ID", "context.device.id of an iOS device."),
    DefaultIdentifier(
        "ios.idfa", "iOS advertising ID", "context.device.advertisingId, if the person allows ad tracking."
    ),
    DefaultIdentifier("ios.push_token", "iOS push token", "context.device.token of an iOS device."),
)
DEFAULT_TYPES = tuple(identifier.type for identifier in DEFAULT_IDENTIFIERS)
RECOMMENDED_CUSTOM = DefaultIdentifier(
    "phone",
    "Phone",
    "phone in traits, context.traits or properties, in E.164 (+14155550100): Flex looks people up by it.",
)


class Extracted(NamedTuple):
    """The identifiers of one message by priority, those refused for their form or as blocked, and unknown types."""

    identifiers: list[Identifier]
    unusable: list[Identifier]
    unknown_types: list[str]
    blocked: list[Identifier]


def extract_identifiers(message: Message, rules: Sequence[IdentifierRule]) -> list[Identifier]:
    """Return the identifiers of `message` that `rules` name, highest priority first, blocked values left out."""
    found = IdentifierReader(rules).read(message).identifiers
    blocked = find_blocked(rules, found)
    return [identifier for identifier in found if identifier not in blocked]


class IdentifierReader:
    """Reads the identifiers of messages by one set of rules; made once, used for many messages."""

    def __init__(self, rules: Sequence[IdentifierRule]) -> None:
        ordered = sorted(rules, key=lambda rule: (rule.priority, rule.type))
        self._rank = {rule.type: rank for rank, rule in enumerate(ordered)}
        self._keys: list[tuple[str, str]] = []
        self._places: list[tuple[str, _Place]] = []
        self._trait_keys: list[tuple[str, tuple[str, ...]]] = []
        self._property_keys: list[tuple[str, tuple[str, ...]]] = []
        for rule in ordered:
            if rule.external_only:
                continue
            if rule.type in _KEYS:
                self._keys.append((rule.type, _KEYS[rule.type]))
            elif rule.type in _PLACES:
                self._places.append((rule.type, _PLACES[rule.type]))
            else:
                self._trait_keys.append((rule.type, list_spellings(rule.trait_key)))
                if rule.custom or rule.in_properties:
                    self._property_keys.append(self._trait_keys[-1])

    def read(self, message: Message) -> Extracted:
        """Return what `message` holds."""
        identifiers, unusable, unknown = list[Identifier](), list[Identifier](), list[str]()
        for type_, raw in self._read_raw(message):
            value = _normalise(type_, raw)
            if not value:
                continue
            identifier = Identifier(type_, value)
            if len(value) > MAX_VALUE_CHARS or (not value.isprintable() and _CONTROL.search(value)):
                unusable.append(identifier)
            elif type_ not in self._rank:
                unknown.append(type_)
            elif identifier not in identifiers:
                identifiers.append(identifier)
        if len(identifiers) > 1:
            identifiers.sort(key=self._get_rank)
        return Extracted(identifiers, unusable, unknown, [])

    def _get_rank(self, identifier: Identifier) -> int:
        return self._rank[identifier.type]

    def _read_raw(self, message: Message) -> list[tuple[str, object]]:
        context = _object(message, "context")
        raw: list[tuple[str, object]] = [(type_, message[key]) for type_, key in self._keys if key in message]
        raw += [(type_, read(_object(context, part))) for type_, (part, read) in self._places if part in context]
        for container, wanted in (
            (_user_traits(message), self._trait_keys),
            (_object(context, "traits"), self._trait_keys),
            (_object(message, "properties"), self._property_keys),
        ):
            if container:
                raw += [(type_, container[key]) for type_, keys in wanted for key in keys if key in container]
        if "externalIds" in context:
            raw += _read_external(context["externalIds"])
        return raw


def _read_external(entries: object) -> Iterator[tuple[str, object]]:
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not {"id", "type", "collection", "encoding"} <= entry.keys():
            continue
        type_ = entry["type"]
        is_named = isinstance(type_, str) and _EXTERNAL_TYPE.fullmatch(type_) is not None
        is_account = entry["collection"] == "accounts" and type_ == "group_id"
        if is_named and entry["encoding"] == "none" and (entry["collection"] == "users" or is_account):
            yield type_, entry["id"]


def _normalise(type_: str, raw: object) -> str:
    if isinstance(raw, str):
        value = raw.strip()
    elif isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return ""
    else:
        value = str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)
    return value.lower() if type_ == "email" else value


def _object(container: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = container.get(key)
    return value if isinstance(value, dict) else _EMPTY


def _user_traits(message: Message) -> dict[str, Any]:
    return _EMPTY if message.get("type") == MessageType.GROUP else _object(message, "traits")


def _device(system: str, key: str, *, needs_tracking: bool = False) -> _Place:
    def read(device: dict[str, Any]) -> object:
        if str(device.get("type")).lower() != system or (
            needs_tracking and device.get("adTrackingEnabled") is not True
        ):
            return None
        return device.get(key)

    return "device", read


def _read_ga_client_id(integrations: dict[str, Any]) -> object:
    return _object(integrations, "Google Analytics").get("clientId")


def list_spellings(key: str) -> tuple[str, ...]:
    """Return a key of traits and properties as it is and in camelCase."""
    words = key.split("_")
    camel = words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])
    return tuple(dict.fromkeys((key, camel)))


def describe_place(rule: IdentifierRule) -> str:
    """Return where an identifier is read from, where its type does not say it; else ""."""
    if rule.external_only:
        return "from externalIds only"
    if rule.in_properties:
        return "also from properties"
    return f"from {rule.key}" if rule.key else ""


_KEYS = {"user_id": "userId", "anonymous_id": "anonymousId", "group_id": "groupId"}
_PLACES: dict[str, _Place] = {
    "android.id": _device("android", "id"),
    "android.idfa": _device("android", "advertisingId", needs_tracking=True),
    "android.push_token": _device("android", "token"),
    "ga_client_id": ("integrations", _read_ga_client_id),
    "ios.id": _device("ios", "id"),
    "ios.idfa": _device("ios", "advertisingId", needs_tracking=True),
    "ios.push_token": _device("ios", "token"),
}
