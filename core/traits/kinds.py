"""What each kind of computed trait keeps of a person's events, and the value it makes of it.

A state is plain JSON. Adding and merging are commutative, so neither the order of events nor that of merges changes
a value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

from core.errors import InvalidField
from core.events.message import find_path, to_number
from core.traits.computed_trait import TraitKind

MAX_DISTINCT_VALUES = 1_000
MIN_FREQUENCY = 2

State: TypeAlias = dict[str, Any]


class Kind(ABC):
    """One kind of computed trait with the settings of one definition."""

    @abstractmethod
    def add(self, state: State, properties: Mapping[str, object]) -> bool:
        """Count one message into `state`; False if it does not count."""

    @abstractmethod
    def merge(self, into: State, other: State) -> None:
        """Add what `other` has counted to `into`."""

    @abstractmethod
    def read(self, state: State) -> object:
        """Return the value, None where there is none yet."""


class EventCounter(Kind):
    """The number of events."""

    def add(self, state: State, properties: Mapping[str, object]) -> bool:
        """Count one."""
        state["count"] = state.get("count", 0) + 1
        return True

    def merge(self, into: State, other: State) -> None:
        """Add the counts."""
        into["count"] = into.get("count", 0) + other.get("count", 0)

    def read(self, state: State) -> object:
        """Return the count."""
        return state.get("count")


class MostFrequent(Kind):
    """The value of a property seen most often, at least `minimum` times; of equals the first in the alphabet.

    Values that differ in letter case only are one; the spelling that sorts first is shown. A person's values beyond
    the first 1,000 different ones are not counted, so that one person's state stays small.
    """

    def __init__(self, path: str, minimum: int, *, is_number: bool) -> None:
        self._path = path
        self._minimum = minimum
        self._is_number = is_number

    def add(self, state: State, properties: Mapping[str, object]) -> bool:
        """Count the property's value."""
        value = self._to_value(find_path(properties, self._path))
        if value is None:
            return False
        return self._count(state.setdefault("values", {}), value.casefold(), value, 1)

    def merge(self, into: State, other: State) -> None:
        """Add the counts of each value."""
        values = into.setdefault("values", {})
        for key, (count, shown) in sorted(other.get("values", {}).items()):
            self._count(values, key, shown, count)

    def read(self, state: State) -> object:
        """Return the most frequent value."""
        values = state.get("values", {}).values()
        often = max((count for count, _ in values), default=0)
        if often < self._minimum:
            return None
        shown: list[str] = [text for count, text in values if count == often]
        return min(to_number(text) or 0.0 for text in shown) if self._is_number else min(shown)

    def _count(self, values: dict[str, list[Any]], key: str, shown: str, count: int) -> bool:
        known = values.get(key)
        if known is None:
            if len(values) >= MAX_DISTINCT_VALUES:
                return False
            values[key] = [count, shown]
        else:
            values[key] = [known[0] + count, min(known[1], shown)]
        return True

    def _to_value(self, found: object) -> str | None:
        if self._is_number:
            number = to_number(found)
            return None if number is None else repr(number)
        if isinstance(found, bool):
            return str(found).lower()
        return str(found).strip() or None if isinstance(found, str | int | float) else None


def make_kind(kind: str, definition: Mapping[str, object]) -> Kind:
    """Return the kind that a definition asks for.

    Raises:
        InvalidField: The kind is unknown, or a setting that it needs is missing or wrong.
    """
    if kind == TraitKind.EVENT_COUNTER:
        return EventCounter()
    if kind == TraitKind.MOST_FREQUENT:
        path, minimum = definition.get("property"), definition.get("minimum_frequency", MIN_FREQUENCY)
        if not isinstance(path, str) or not path.strip():
            raise InvalidField("The trait names no property.", hint="Choose the property whose values are compared.")
        if not isinstance(minimum, int) or minimum < MIN_FREQUENCY:
            raise InvalidField(
                f"The minimum frequency cannot be {minimum!r}.", hint=f"Use a whole number from {MIN_FREQUENCY}."
            )
        value_type = definition.get("value_type", "text")
        if value_type not in ("text", "number"):
            raise InvalidField(f"The value type cannot be {value_type!r}.", hint="Use text or number.")
        return MostFrequent(path.strip(), minimum, is_number=value_type == "number")
    raise InvalidField(f"There is no computed trait of the kind {kind!r}.", hint=f"Use one of {', '.join(TraitKind)}.")
