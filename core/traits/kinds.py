"""What each kind of computed trait keeps of a person's events, and the value it makes of it.

A state is plain JSON. Adding and merging are commutative and lose nothing but what a cap names, so neither the order
of events nor that of merges changes a value.

Decisions where the specification is silent:
- Sums are exact to a millionth: numbers are added as whole millionths, because adding floating-point numbers gives
  another sum for another order. A number beyond a quadrillion does not count in a sum or an average.
- Texts that differ in letter case only are one value; the spelling that sorts first is shown.
- Lists and objects are no values. A number counts as text; a text that spells a number counts as a number.
- Of a person's different values the 1,000 first in the alphabet are kept, in each day of a window the first 50.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

from core.events.message import find_path, to_number
from core.traits.computed_trait import Aggregate

MAX_DISTINCT_VALUES = 1_000
MAX_TEXT_CHARS = 500
MAX_SUMMED = 1e15
MICROS = 1_000_000
MIN_FREQUENCY = 2

State: TypeAlias = dict[str, Any]


class Kind(ABC):
    """One kind of computed trait with the settings of one definition."""

    @abstractmethod
    def take(self, properties: Mapping[str, object]) -> Any:
        """Return what counts of a message with these properties; None where it does not count."""

    @abstractmethod
    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Count into `state` what was taken of one message; `cap` bounds the different values it keeps."""

    @abstractmethod
    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Add what `other` has counted to `into`."""

    @abstractmethod
    def read(self, state: State) -> object:
        """Return the value, None where there is none yet."""


class EventCounter(Kind):
    """The number of events."""

    def take(self, properties: Mapping[str, object]) -> Any:
        """Every message counts."""
        return 1

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Count one."""
        state["count"] = state.get("count", 0) + taken

    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Add the counts."""
        into["count"] = into.get("count", 0) + other.get("count", 0)

    def read(self, state: State) -> object:
        """Return the count."""
        return state.get("count") or None


class PropertyKind(Kind):
    """A kind that looks at one property of the event."""

    def __init__(self, path: str, *, is_number: bool) -> None:
        self.path = path
        self.is_number = is_number

    def take(self, properties: Mapping[str, object]) -> Any:
        """Return the property as a number, or as a text of at most 500 characters."""
        found = find_path(properties, self.path)
        return to_number(found) if self.is_number else to_text(found)


class Total(PropertyKind):
    """The sum or the average of a number."""

    def __init__(self, path: str, aggregate: Aggregate) -> None:
        super().__init__(path, is_number=True)
        self.aggregate = aggregate

    def take(self, properties: Mapping[str, object]) -> Any:
        """Return the number unless it is too large to be added exactly."""
        number = to_number(find_path(properties, self.path))
        return None if number is None or abs(number) > MAX_SUMMED else number

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Add the number in whole millionths."""
        self.merge(state, {"count": 1, "micros": math.floor(taken * MICROS + 0.5)})

    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Add counts and sums."""
        into["count"] = into.get("count", 0) + other.get("count", 0)
        # as text: a sum may pass 64 bits, which a reader of JSON need not take
        into["micros"] = str(int(into.get("micros", 0)) + int(other.get("micros", 0)))

    def read(self, state: State) -> object:
        """Return the sum or the average."""
        count, micros = state.get("count", 0), int(state.get("micros", 0))
        if not count:
            return None
        return tidy(micros / MICROS if self.aggregate is Aggregate.SUM else micros / count / MICROS)


class Extreme(PropertyKind):
    """The smallest or the largest number."""

    def __init__(self, path: str, aggregate: Aggregate) -> None:
        super().__init__(path, is_number=True)
        self.aggregate = aggregate
        self._choose = min if aggregate is Aggregate.MINIMUM else max

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Keep the number if it goes further."""
        self.merge(state, {"number": tidy(taken)})

    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Keep the number that goes further."""
        if "number" in other:
            into["number"] = self._choose(into.get("number", other["number"]), other["number"])

    def read(self, state: State) -> object:
        """Return the number."""
        return state.get("number")


class Earliest(PropertyKind):
    """The value of the first event that has one; of equal times, the one earlier in the log."""

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Keep the value if it is earlier."""
        self.merge(state, {"seen": [at_ms, log_offset, tidy(taken)]})

    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Keep the value that goes before the other."""
        seen = other.get("seen")
        if seen is not None and ("seen" not in into or self._goes_before(seen, into["seen"])):
            into["seen"] = seen

    def read(self, state: State) -> object:
        """Return the value."""
        return state["seen"][2] if "seen" in state else None

    def _goes_before(self, left: list[Any], right: list[Any]) -> bool:
        return (left[0], left[1]) < (right[0], right[1])


class Latest(Earliest):
    """The value of the last event that has one."""

    def _goes_before(self, left: list[Any], right: list[Any]) -> bool:
        return (left[0], left[1]) > (right[0], right[1])


class Values(PropertyKind):
    """A kind that looks at a person's different values: how often each was seen, by the value in small letters."""

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Count the value."""
        shown = repr(tidy(taken)) if self.is_number else taken
        self.merge(state, {"values": {shown.casefold(): [1, shown]}}, cap)

    def merge(self, into: State, other: State, cap: int = MAX_DISTINCT_VALUES) -> None:
        """Add the counts of each value, and keep those that come first in the alphabet."""
        values = into.setdefault("values", {})
        for key, (count, shown) in other.get("values", {}).items():
            known = values.get(key)
            values[key] = [count, shown] if known is None else [known[0] + count, min(known[1], shown)]
        while len(values) > cap:  # what falls out here never comes back: a thousand go before it
            del values[max(values)]


class MostFrequent(Values):
    """The value seen most often, at least `minimum` times; of equals the first in the alphabet."""

    def __init__(self, path: str, minimum: int, *, is_number: bool) -> None:
        super().__init__(path, is_number=is_number)
        self.minimum = minimum

    def read(self, state: State) -> object:
        """Return the most frequent value."""
        values = state.get("values", {}).values()
        often = max((count for count, _ in values), default=0)
        if often < self.minimum:
            return None
        shown: list[str] = [text for count, text in values if count == often]
        return min(to_number_value(text) for text in shown) if self.is_number else min(shown)


class UniqueList(Values):
    """The different values, sorted."""

    def read(self, state: State) -> object:
        """Return the sorted list."""
        shown = [text for _, text in state.get("values", {}).values()]
        return (sorted(map(to_number_value, shown)) if self.is_number else sorted(shown)) or None


class UniqueListCount(Values):
    """The number of different values; 1,000 stands for 1,000 or more."""

    def read(self, state: State) -> object:
        """Return the number."""
        return len(state.get("values", {})) or None


def to_text(found: object) -> str | None:
    """Return a value as the text that is counted; None for what is no text: nothing, a list, an object, blanks."""
    if isinstance(found, bool):
        return str(found).lower()
    if not isinstance(found, str | int | float):
        return None
    return str(tidy(found) if isinstance(found, float) else found).strip()[:MAX_TEXT_CHARS] or None


def tidy(value: Any) -> Any:
    """Return a number without a needless `.0`; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53 else value


def to_number_value(shown: str) -> Any:
    """Return the number that a counted value spells."""
    return tidy(to_number(shown) or 0.0)
