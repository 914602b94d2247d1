"""Time as an argument: code that needs the time takes a `Clock`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved; for tests and replays."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("FixedClock needs an aware datetime")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward by `by`."""
        self._at += by


def to_millis(at: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00:00Z; `at` must be aware."""
    if at.tzinfo is None:
        raise ValueError("naive datetime")
    return (at - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=64)  # the messages of a batch were received at the same time
def from_millis(millis: int) -> datetime:
    """Return the aware UTC time `millis` milliseconds after 1970-01-01T00:00:00Z; dates before 1970 are fine."""
    return _EPOCH + timedelta(milliseconds=millis)


def to_iso(at: datetime) -> str:
    """Return `at` as ISO 8601 in UTC with milliseconds and `Z`, the form the message specification uses.

    Example:
        >>> to_iso(datetime(2026, 11, 24, 9, 5, tzinfo=UTC))
        '2026-11-24T09:05:00.000Z'
    """
    moment = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
