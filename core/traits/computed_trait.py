"""The computed trait: a fact about a person or an account that is counted from events and stays up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TraitKind(StrEnum):
    """How a computed trait makes its value."""

    EVENT_COUNTER = "event_counter"
    AGGREGATION = "aggregation"
    MOST_FREQUENT = "most_frequent"
    FIRST = "first"
    LAST = "last"
    UNIQUE_LIST = "unique_list"
    UNIQUE_LIST_COUNT = "unique_list_count"


class Aggregate(StrEnum):
    """What an aggregation makes of the numbers."""

    SUM = "sum"
    AVERAGE = "average"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class ValueType(StrEnum):
    """What a property's value is read as."""

    TEXT = "text"
    NUMBER = "number"


class Scope(StrEnum):
    """Whose fact it is."""

    USER = "user"
    ACCOUNT = "account"


class TraitStatus(StrEnum):
    """Where a computed trait stands."""

    PREPARING = "preparing"
    COMPUTING = "computing"
    LIVE = "live"
    DISABLED = "disabled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ComputedTrait:
    """One computed trait of a space.

    `definition` holds plain JSON (`core/traits/definition.py` says what). `computed_to` is the offset that its history
    is computed to; None before the first computation. `progress` is the part of the history that is computed, 0 to 1;
    None while none is being computed. `failure` is the sentence that says why it cannot be computed. `updated_at` is
    when it was edited last, or stopped being computed.
    """

    id: str
    space_id: str
    key: str
    name: str
    kind: str
    definition: dict[str, object]
    computed_to: int | None
    created_at: datetime
    enabled: bool = True
    updated_at: datetime | None = None
    progress: float | None = None
    failure: str | None = None

    @property
    def scope(self) -> Scope:
        """Whose fact it is."""
        return Scope(str(self.definition.get("scope", Scope.USER)))

    def read_at(self, now: datetime) -> datetime:
        """Return the moment that its values are of: `now`, unless it is disabled or failed and they stay."""
        is_counted = self.enabled and self.failure is None
        return now if is_counted else self.updated_at or now

    @property
    def status(self) -> TraitStatus:
        """Where it stands."""
        if not self.enabled:
            return TraitStatus.DISABLED
        if self.failure is not None:
            return TraitStatus.FAILED
        if self.progress is not None:
            return TraitStatus.COMPUTING
        return TraitStatus.PREPARING if self.computed_to is None else TraitStatus.LIVE
