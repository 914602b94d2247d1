"""Which of a person's events count: all of them, those of the last days, or those of the session that goes on.

A window keeps its events apart in parts, each a state of the trait's kind, so that what has left it can be left out.

Decisions where the specification is silent:
- A sliding window counts whole hours up to a week and whole days (UTC) beyond, so that a person's state stays small;
  an event leaves the value up to that much late. Expired values are looked for every time the worker goes round.
- A session is a person's events that count with no longer break than the inactivity period between two of them. Its
  value goes when the period has passed. Of a person's sessions the 20 newest are kept, for events that come late.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from core.traits.kinds import MAX_DISTINCT_VALUES, Kind, State

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FINE_DAYS = 7
MAX_SESSIONS = 20
MAX_PART_VALUES = 50
FUTURE_PARTS = 32


class Window(ABC):
    """One window around a kind; `part_cap` bounds the different values that each of its parts keeps."""

    part_cap = MAX_PART_VALUES

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    @abstractmethod
    def add(self, state: State, taken: Any, at_ms: int, log_offset: int) -> None:
        """Count into `state` what was taken of one message."""

    @abstractmethod
    def merge(self, into: State, other: State) -> None:
        """Add what `other` has counted to `into`."""

    @abstractmethod
    def read(self, state: State, now_ms: int) -> object:
        """Return the value at this moment, None where there is none; what can never count again is forgotten."""

    @abstractmethod
    def find_due(self, state: State) -> int | None:
        """Return when the value that was just read may change by itself; unit: ms since 1970. None: never."""


class Lifetime(Window):
    """Every event counts, for ever: there is one part."""

    part_cap = MAX_DISTINCT_VALUES

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int) -> None:
        """Count it."""
        self.kind.add(state, taken, at_ms, log_offset)

    def merge(self, into: State, other: State) -> None:
        """Merge the two."""
        self.kind.merge(into, other)

    def read(self, state: State, now_ms: int) -> object:
        """Return the value."""
        return self.kind.read(state)

    def find_due(self, state: State) -> int | None:
        """Say that it never changes by itself."""
        return None


class Sliding(Window):
    """The events of the last days count."""

    def __init__(self, kind: Kind, days: int) -> None:
        super().__init__(kind)
        self.length_ms = days * DAY_MS
        self.part_ms = HOUR_MS if days <= FINE_DAYS else DAY_MS

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int) -> None:
        """Count it in its hour or day."""
        parts = state.setdefault("parts", {})
        part = parts.setdefault(str(at_ms // self.part_ms), {})
        self.kind.add(part, taken, at_ms, log_offset, self.part_cap)

    def merge(self, into: State, other: State) -> None:
        """Merge hour by hour, or day by day."""
        parts = into.setdefault("parts", {})
        for name, part in other.get("parts", {}).items():
            self.kind.merge(parts.setdefault(name, {}), part, self.part_cap)

    def read(self, state: State, now_ms: int) -> object:
        """Return the value of the parts that are inside."""
        parts: dict[str, State] = state.get("parts", {})
        start = (now_ms - self.length_ms) // self.part_ms
        numbers = sorted(map(int, parts))
        room = self.length_ms // self.part_ms + FUTURE_PARTS  # a clock that runs wild must not fill the state
        for number in numbers:
            if number < start or number > start + room:
                del parts[str(number)]
        inside: State = {}
        for number in numbers:
            if str(number) in parts:
                self.kind.merge(inside, parts[str(number)])
        return self.kind.read(inside)

    def find_due(self, state: State) -> int | None:
        """Return when the oldest part has left."""
        parts = state.get("parts")
        return (min(map(int, parts)) + 1) * self.part_ms + self.length_ms if parts else None


class Session(Window):
    """The events of the session that goes on count."""

    def __init__(self, kind: Kind, minutes: int) -> None:
        super().__init__(kind)
        self.gap_ms = minutes * MINUTE_MS

    def add(self, state: State, taken: Any, at_ms: int, log_offset: int) -> None:
        """Count it in its session, which may join two that were apart."""
        part: State = {}
        self.kind.add(part, taken, at_ms, log_offset, self.part_cap)
        self.merge(state, {"sessions": [[at_ms, at_ms, part]]})

    def merge(self, into: State, other: State) -> None:
        """Join the sessions that overlap or touch, and keep the newest."""
        joined: list[list[Any]] = []
        for start, end, part in sorted(
            [*into.get("sessions", ()), *other.get("sessions", ())], key=lambda session: (session[0], session[1])
        ):
            if joined and start - joined[-1][1] <= self.gap_ms:
                joined[-1][1] = max(joined[-1][1], end)
                self.kind.merge(joined[-1][2], part, self.part_cap)
            else:
                joined.append([start, end, part])
        into["sessions"] = joined[-MAX_SESSIONS:]

    def read(self, state: State, now_ms: int) -> object:
        """Return the value of the newest session unless it is over."""
        sessions = state.get("sessions")
        if not sessions or now_ms - sessions[-1][1] > self.gap_ms:
            return None
        return self.kind.read(sessions[-1][2])

    def find_due(self, state: State) -> int | None:
        """Return when the newest session is over."""
        sessions = state.get("sessions")
        return sessions[-1][1] + self.gap_ms + 1 if sessions else None
