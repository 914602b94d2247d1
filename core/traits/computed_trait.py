"""The computed trait: a fact about a person that is counted from their events and stays up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TraitKind(StrEnum):
    """How a computed trait makes its value."""

    EVENT_COUNTER = "event_counter"
    MOST_FREQUENT = "most_frequent"


@dataclass(frozen=True, slots=True)
class ComputedTrait:
    """One computed trait of a space.

    `definition` holds plain JSON: `event`, `message_type` (track, page or screen), `conditions`, and for most_frequent
    `property`, `value_type` (text or number) and `minimum_frequency`. `computed_to` is the offset that its history is
    computed to; None before the first computation.
    """

    id: str
    space_id: str
    key: str
    name: str
    kind: str
    definition: dict[str, object]
    computed_to: int | None
    created_at: datetime
