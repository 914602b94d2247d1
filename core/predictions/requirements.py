"""What a prediction needs, checked and explained before anything is trained.

What is hard cannot be done without: there would be nothing to learn, or nothing to test it on. The rest is what
Segment's product asks for or advises: training goes on without it, and the quality that is measured says whether that
was right (docs/decisions/0031).

Source: Segment documentation, Unify, Predictions: access and training requirements (spec/profiles.md, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np

from core.errors import NotEnoughData, PredictionError, PredictionOutOfDate
from core.predictions.facts import DAY_MS, Facts, Told, open_facts
from core.predictions.features import MAX_EVENTS
from core.predictions.outcomes import MIN_PURCHASES, Examples, read_examples
from core.predictions.prediction import PredictionDefinition, PredictionKind
from core.workspaces.workspace import Workspace

HISTORY_WINDOWS = 3
MAX_FEATURE_DAYS = 180
MIN_EACH = 100
GAP_DAYS = 7
MAX_EVENT_TYPES = 2_000
MIN_EVENT_TYPES = 5
MAX_PEOPLE = 10_000_000
ADVISED_PEOPLE = 50_000
ADVISED_PERFORMERS = 5_000
_RECENT_DAYS = 15
_PERFORMED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed: how much of it, how much there is, and the same in a sentence.

    Attributes:
        code: Stable; that of the failure where it is hard.
        is_hard: Whether training is refused without it; else it is advice.
    """

    code: str
    sentence: str
    needed: float
    found: float
    is_met: bool
    is_hard: bool = True


@dataclass(frozen=True, slots=True)
class Requirements:
    """What is needed and what there is, and what was noticed while it was counted."""

    items: tuple[Requirement, ...]
    messages: int
    notes: tuple[str, ...] = ()

    @property
    def are_met(self) -> bool:
        """Whether training can begin."""
        return all(item.is_met for item in self.items if item.is_hard)

    def require(self) -> None:
        """Refuse to train on too little.

        Raises:
            PredictionOutOfDate: The target event has not come for seven days.
            NotEnoughData: Anything else is missing; the message says what, with both numbers.
        """
        missing = [item for item in self.items if item.is_hard and not item.is_met]
        if missing:
            raise _to_error(missing[0])

    def to_document(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {"messages": self.messages, "notes": list(self.notes), "items": [asdict(item) for item in self.items]}


def check_requirements(
    workspace: Workspace, space_id: str, definition: PredictionDefinition, as_of: datetime, tell: Told = lambda _: None
) -> Requirements:
    """Return what the prediction needs and what there is, before it is made. O(messages of the space)."""
    with open_facts(workspace, space_id, definition, as_of, tell) as facts:
        return measure_requirements(facts, definition)


def measure_requirements(facts: Facts, definition: PredictionDefinition) -> Requirements:
    """Return what the prediction needs and what the facts have, the hard ones first."""
    items = sorted(_measure(facts, definition), key=lambda item: not item.is_hard)
    return Requirements(tuple(items), facts.count("SELECT count(*) FROM facts"), tuple(facts.notes))


def measure_history_days(facts: Facts) -> float:
    """Return how far back the events go; unit: days."""
    first = facts.count("SELECT min(at_ms) FROM facts")
    return (facts.as_of_ms - first) / DAY_MS if first else 0.0


def measure_feature_days(facts: Facts, definition: PredictionDefinition) -> int:
    """Return how far back features look: what the history leaves beside two windows, at most as much as these."""
    window, days = definition.window_days, int(measure_history_days(facts))
    return min(max(window, days - 2 * window), 2 * window, MAX_FEATURE_DAYS)


def require_fresh(facts: Facts, definition: PredictionDefinition) -> None:
    """Refuse to score people by an event that nothing sends any more.

    Raises:
        PredictionOutOfDate: It has not come for seven days.
    """
    for item in _measure_target(facts, definition):
        if not item.is_met:
            raise _to_error(item)


def _to_error(item: Requirement) -> PredictionError:
    context = {"needed": item.needed, "found": item.found}
    if item.code == "event_not_tracked":
        return PredictionOutOfDate(
            item.sentence,
            code=item.code,
            hint="Have it sent again, then press Try again. If it goes by another name now, make the prediction anew.",
            context=context,
        )
    return NotEnoughData(
        item.sentence,
        code=item.code,
        hint="Wait until there is more, or choose another event or window.",
        context=context,
    )


def _measure(facts: Facts, definition: PredictionDefinition) -> Iterator[Requirement]:
    people, window = len(facts.profile_ids), definition.window_days
    yield Requirement(
        "known_people",
        f"Needs more than one customer who is not anonymous; there are {people:,}.",
        2,
        people,
        people > 1,
    )
    yield from _measure_target(facts, definition)
    days = measure_history_days(facts)
    needed = HISTORY_WINDOWS * window
    yield Requirement(
        "history_too_short",
        f"Needs {needed} days of events, {HISTORY_WINDOWS} times the window of {window} days; there are {days:,.0f}.",
        needed,
        round(days, 1),
        days >= needed,
    )
    if definition.kind is PredictionKind.LIFETIME_VALUE:
        yield _measure_buyers(facts, window if days >= needed else 0)
    elif days >= needed:
        yield from _measure_classes(facts, definition)
    yield from _measure_advice(facts, definition)


def _measure_target(facts: Facts, definition: PredictionDefinition) -> Iterator[Requirement]:
    last = facts.count("SELECT max(at_ms) FROM target")
    if not last:
        yield Requirement(
            "event_never_seen",
            f"Needs the event {definition.target_label}; no known customer has done it as you describe it.",
            1,
            0,
            is_met=False,
        )
        return
    days = (facts.as_of_ms - last) / DAY_MS
    yield Requirement(
        "event_not_tracked",
        f"Needs {definition.target_label} within the last {GAP_DAYS} days; it last came {_tell_ago(days)}.",
        GAP_DAYS,
        round(days, 1),
        days <= GAP_DAYS,
    )


def _tell_ago(days: float) -> str:
    return "today" if days < 1 else f"{days:,.1f} days ago"


def _measure_classes(facts: Facts, definition: PredictionDefinition) -> Iterator[Requirement]:
    """Count both sides at the two newest cut-offs: the training needs the older, the test the newer."""
    window_ms = definition.window_days * DAY_MS
    sides = [
        read_examples(facts, definition, definition.window_days, facts.as_of_ms - steps * window_ms) for steps in (1, 2)
    ]
    for did in (True, False):
        found = min(int(np.count_nonzero(side.happened == did)) for side in sides)
        who, of_all = _name(definition, did=did), _tell_all(sides, found)
        yield Requirement(
            "too_few_performers" if did else "too_few_non_performers",
            f"Needs {MIN_EACH} customers who {who}; you have {found:,}{of_all}.",
            MIN_EACH,
            found,
            found >= MIN_EACH,
        )


def _tell_all(sides: Sequence[Examples], found: int) -> str:
    asked = min(len(side.people) for side in sides)
    return f" of {asked:,} who count" if found < MIN_EACH else ""


def _name(definition: PredictionDefinition, *, did: bool) -> str:
    if definition.kind is PredictionKind.CHURN:
        return "churned" if did else "stayed"
    return f"{'did it' if did else 'did not do it'} within {definition.window_days} days"


def _measure_buyers(facts: Facts, window_days: int) -> Requirement:
    """Count those who had bought twice by the older of the two newest cut-offs: the training learns from them."""
    buyers = facts.count(
        "SELECT count(*) FROM (SELECT person FROM target WHERE at_ms < ? GROUP BY person"  # noqa: S608 - a number
        f" HAVING count(*) >= {MIN_PURCHASES})",
        facts.as_of_ms - 2 * window_days * DAY_MS,
    )
    when = f" {2 * window_days} days ago, so that it is known what they spent since" if window_days else ""
    return Requirement(
        "too_few_buyers",
        f"Needs {MIN_EACH} customers with at least {MIN_PURCHASES} purchases{when}; you have {buyers:,}.",
        MIN_EACH,
        buyers,
        buyers >= MIN_EACH,
    )


def _measure_advice(facts: Facts, definition: PredictionDefinition) -> Iterator[Requirement]:
    kinds = "SELECT count(DISTINCT event) FROM facts WHERE at_ms >= ?"
    recent = facts.count(kinds, facts.as_of_ms - _RECENT_DAYS * DAY_MS)
    most = f" The {MAX_EVENTS} that most customers do are used." if recent > MAX_EVENTS else ""
    yield Requirement(
        "event_types",
        f"Advised: 2 to {MAX_EVENT_TYPES - 1:,} different events in the last {_RECENT_DAYS} days; there are {recent:,}."
        f"{most}",
        2,
        recent,
        1 < recent < MAX_EVENT_TYPES,
        is_hard=False,
    )
    feature_days = measure_feature_days(facts, definition)
    used = facts.count(
        f"{kinds} AND NOT list_contains(?, event)",
        facts.as_of_ms - feature_days * DAY_MS,
        list(definition.excluded_events),
    )
    yield Requirement(
        "few_event_types",
        f"Advised: {MIN_EVENT_TYPES} different events to learn from in the last {feature_days} days; there are"
        f" {used:,}.",
        MIN_EVENT_TYPES,
        used,
        used >= MIN_EVENT_TYPES,
        is_hard=False,
    )
    # days of 24 hours back from now: of calendar days, the last thirty touch thirty-one
    each_day = f"SELECT count(DISTINCT ({facts.as_of_ms} - at_ms) // {DAY_MS}) FROM target WHERE at_ms > ?"  # noqa: S608
    days = facts.count(each_day, facts.as_of_ms - 30 * DAY_MS)
    yield Requirement(
        "target_each_day",
        f"Advised: {definition.target_label} at least once a day; it came on {days} of the last 30 days.",
        30,
        days,
        days >= 30,
        is_hard=False,
    )
    people = len(facts.profile_ids)
    yield Requirement(
        "many_people",
        f"Advised: {ADVISED_PEOPLE:,} to {MAX_PEOPLE:,} customers; there are {people:,}.",
        ADVISED_PEOPLE,
        people,
        ADVISED_PEOPLE <= people < MAX_PEOPLE,
        is_hard=False,
    )
    performers = facts.count(
        "SELECT count(DISTINCT person) FROM target WHERE at_ms >= ?", facts.as_of_ms - _PERFORMED_DAYS * DAY_MS
    )
    yield Requirement(
        "many_performers",
        f"Advised: {ADVISED_PERFORMERS:,} customers who did it in the last {_PERFORMED_DAYS} days; there are"
        f" {performers:,}.",
        ADVISED_PERFORMERS,
        performers,
        performers >= ADVISED_PERFORMERS,
        is_hard=False,
    )
