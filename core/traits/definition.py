"""The definition of a computed trait: plain JSON as it is stored, checked and made ready to count.

    {"message_type": "track", "event": "Order Completed", "conditions": [{"property", "operator", "value"}],
     "property": "total", "value_type": "number", "aggregate": "sum", "minimum_frequency": 2,
     "window": {"type": "sliding", "days": 30}, "scope": "user"}

`property` and what follows it matter to some kinds only; a window of type `lifetime` may be left out, a window of type
`session` has `inactivity_minutes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

import orjson

from core.errors import InvalidField
from core.events.message import Message, MessageType, read_group_id
from core.traits.computed_trait import Aggregate, ComputedTrait, Scope, TraitKind, ValueType
from core.traits.conditions import MAX_CONDITIONS, Condition, parse_condition
from core.traits.kinds import (
    MIN_FREQUENCY,
    Earliest,
    EventCounter,
    Extreme,
    Kind,
    Latest,
    MostFrequent,
    Total,
    UniqueList,
    UniqueListCount,
)
from core.traits.windows import Lifetime, Session, Sliding, Window

COUNTED_TYPES = (MessageType.TRACK, MessageType.PAGE, MessageType.SCREEN)
MAX_SLIDING_DAYS = 365
MIN_SESSION_MINUTES = 30
MAX_SESSION_MINUTES = 90 * 24 * 60
MAX_EVENT_CHARS = 200
MAX_PATH_CHARS = 200
ACCOUNT_PREFIX = "group_id:"

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class CompiledTrait:
    """A computed trait ready to count. `id` is empty while it is not saved; `updated_at` tells an edit."""

    message_type: str
    event: str | None
    conditions: tuple[Condition, ...]
    window: Window
    scope: Scope
    id: str = ""
    key: str = ""
    computed_to: int | None = None
    updated_at: datetime | None = None

    @property
    def kind(self) -> Kind:
        """The kind inside the window."""
        return self.window.kind

    def matches(self, properties: Mapping[str, object]) -> bool:
        """Say whether a message with these properties meets every condition."""
        return all(condition.holds(properties) for condition in self.conditions)

    def take(self, properties: Mapping[str, object]) -> Any:
        """Return what counts of a message with these properties; None where it does not count."""
        return self.kind.take(properties) if self.matches(properties) else None

    def take_message(self, message: Message) -> Any:
        """Return what counts of a message of any type and name."""
        name = message.get("event" if self.message_type == MessageType.TRACK else "name")
        if message.get("type") != self.message_type or (self.event is not None and name != self.event):
            return None
        return self.take(read_properties(message))

    def find_owner(self, profile_id: str, message: Message) -> str | None:
        """Return whose a message is: the profile, or the account that the message names; None where it names none."""
        return profile_id if self.scope is Scope.USER else find_account(message)


def is_counted_at(at_ms: int) -> bool:
    """Say whether a message that happened then, in ms since 1970, can count: none before 1970 does.

    Source: spec/profiles.md 2.2, limits; such a time is a clock that was never set.
    """
    return at_ms >= 0


def read_properties(message: Message) -> Message:
    """Return the properties of a message, none where it has no object of that name."""
    properties = message.get("properties")
    return properties if isinstance(properties, dict) else {}


def find_account(message: Message) -> str | None:
    """Return the account that a message names as `group_id:value`, which is how the states of traits name one."""
    group_id = read_group_id(message)
    return None if group_id is None else f"{ACCOUNT_PREFIX}{group_id}"


def compile_trait(trait: ComputedTrait) -> CompiledTrait:
    """Return `trait` ready to count.

    Raises:
        InvalidField: The definition cannot be computed; the message says what is wrong.
    """
    return replace(
        _compile_stored(trait.kind, orjson.dumps(trait.definition), trait.name),
        id=trait.id,
        key=trait.key,
        computed_to=trait.computed_to,
        updated_at=trait.updated_at,
    )


@lru_cache(maxsize=256)
def _compile_stored(kind: str, definition: bytes, name: str) -> CompiledTrait:
    return compile_definition(kind, orjson.loads(definition), name)  # once, not for every batch, which may be one event


def compile_definition(kind: str, definition: Mapping[str, object], name: str = "The trait") -> CompiledTrait:
    """Return a definition ready to count, whether it is saved or not; raises as `compile_trait` does."""
    message_type, event = definition.get("message_type", MessageType.TRACK), definition.get("event")
    if message_type not in COUNTED_TYPES:
        raise InvalidField(f"{name} counts messages of an unknown type.", hint="Use track, page or screen.")
    if event is not None and not isinstance(event, str):
        raise InvalidField(f"{name} names its event by something else than text.", hint="Use the event's name.")
    if message_type == MessageType.TRACK and not (event and event.strip()):
        raise InvalidField(f"{name} names no event.", hint="Choose the event it counts.")
    if event and len(event) > MAX_EVENT_CHARS:
        raise InvalidField(f"{name} names an event of {len(event)} characters.", hint=f"Use at most {MAX_EVENT_CHARS}.")
    conditions = definition.get("conditions") or []
    if not isinstance(conditions, list) or len(conditions) > MAX_CONDITIONS:
        raise InvalidField(f"{name} has too many conditions.", hint=f"Use at most {MAX_CONDITIONS}.")
    return CompiledTrait(
        str(message_type),
        event or None,
        tuple(parse_condition(each) for each in conditions),
        _make_window(make_kind(kind, definition), definition.get("window")),
        _parse(Scope, definition.get("scope", Scope.USER), "scope"),
    )


def make_kind(kind: str, definition: Mapping[str, object]) -> Kind:
    """Return the kind that a definition asks for.

    Raises:
        InvalidField: The kind is unknown, or a setting that it needs is missing or wrong.
    """
    if kind not in set(TraitKind):
        raise InvalidField(
            f"There is no computed trait of the kind {kind!r}.", hint=f"Use one of {', '.join(TraitKind)}."
        )
    if kind == TraitKind.EVENT_COUNTER:
        return EventCounter()
    path = definition.get("property")
    if not isinstance(path, str) or not path.strip():
        raise InvalidField("The trait names no property.", hint="Choose the event property that it looks at.")
    if len(path) > MAX_PATH_CHARS:
        raise InvalidField(f"The property's name has {len(path)} characters.", hint=f"Use at most {MAX_PATH_CHARS}.")
    if kind == TraitKind.AGGREGATION:
        aggregate = _parse(Aggregate, definition.get("aggregate"), "aggregate")
        is_total = aggregate in (Aggregate.SUM, Aggregate.AVERAGE)
        return (Total if is_total else Extreme)(path.strip(), aggregate)
    is_number = _parse(ValueType, definition.get("value_type", ValueType.TEXT), "value type") is ValueType.NUMBER
    if kind == TraitKind.MOST_FREQUENT:
        minimum = definition.get("minimum_frequency", MIN_FREQUENCY)
        if not isinstance(minimum, int) or isinstance(minimum, bool) or minimum < MIN_FREQUENCY:
            raise InvalidField(
                f"The minimum frequency cannot be {minimum!r}.", hint=f"Use a whole number from {MIN_FREQUENCY}."
            )
        return MostFrequent(path.strip(), minimum, is_number=is_number)
    return _PROPERTY_KINDS[TraitKind(kind)](path.strip(), is_number=is_number)


def _make_window(kind: Kind, document: object) -> Window:
    document = document or {"type": "lifetime"}
    type_ = document.get("type") if isinstance(document, dict) else None
    if type_ == "lifetime":
        return Lifetime(kind)
    if type_ == "sliding":
        return Sliding(kind, _whole(document, "days", 1, MAX_SLIDING_DAYS, "A sliding window"))
    if type_ == "session":
        low, high = MIN_SESSION_MINUTES, MAX_SESSION_MINUTES
        return Session(kind, _whole(document, "inactivity_minutes", low, high, "A session's inactivity period"))
    raise InvalidField(f"There is no window {type_!r}.", hint="Use lifetime, sliding or session.")


def _whole(document: object, key: str, low: int, high: int, what: str) -> int:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidField(f"{what} cannot be {value!r}.", hint=f"Set {key} to a whole number from {low} to {high:,}.")
    return value


def _parse(enum: type[_Choice], value: object, what: str) -> _Choice:
    if value not in set(enum):
        raise InvalidField(f"The {what} cannot be {value!r}.", hint=f"Use {', '.join(enum)}.")
    return enum(str(value))


_PROPERTY_KINDS: dict[TraitKind, Callable[..., Kind]] = {
    TraitKind.FIRST: Earliest,
    TraitKind.LAST: Latest,
    TraitKind.UNIQUE_LIST: UniqueList,
    TraitKind.UNIQUE_LIST_COUNT: UniqueListCount,
}
