"""What is known of people at a moment, as numbers: how often and how recently each event, and their traits.

Everything is read strictly before the moment, the cut-off, by plain SQL. Windows have the same length at every cut-off,
so that what was learned at one means the same at another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.predictions.bgnbd import Floats
from core.predictions.facts import DAY_MS, Facts
from core.predictions.prediction import PredictionDefinition

People: TypeAlias = NDArray[np.int32]
"""Numbers of people, as `core.predictions.facts` gives them, rising."""

MAX_EVENTS = 40
MAX_TRAITS = 40
SHORT_WINDOWS_DAYS = (7, 30, 90)
_LEAST_SHARE = 0.01
"""A trait that fewer people have teaches nothing that would hold for others."""

ACTIVITY, TARGET, TRAIT, EVENT, VALUE = "activity", "target", "trait", "event", "value"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column. `subject` is what it is about: an event, a trait, the target or all activity.

    `measure` is what it says of it: `count` in `window_days`, `days_since`, `amount`, `gap`, `overdue`, `value` …
    """

    subject: str
    name: str
    measure: str
    window_days: int = 0


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """Which features there are; chosen once, when the training begins, and kept with what was learned."""

    window_days: int
    events: tuple[str, ...]
    traits: tuple[str, ...]
    has_amounts: bool

    @property
    def windows_days(self) -> tuple[int, ...]:
        """The windows in which events are counted, shortest first."""
        return (*(days for days in SHORT_WINDOWS_DAYS if days < self.window_days), self.window_days)

    def list_features(self) -> list[Feature]:
        """Return the columns in their order."""
        windows = self.windows_days
        found = [Feature(TARGET, "", "count", days) for days in windows]
        found += [Feature(TARGET, "", measure, self.window_days) for measure in ("days_since", "gap", "overdue")]
        found += [Feature(ACTIVITY, "", measure, self.window_days) for measure in _ACTIVITY]
        if self.has_amounts:
            found += [Feature(TARGET, "", measure, self.window_days) for measure in _AMOUNTS]
        for event in self.events:
            found += [Feature(EVENT, event, "count", days) for days in windows]
            found.append(Feature(EVENT, event, "days_since", self.window_days))
        return found + [Feature(TRAIT, trait, "value") for trait in self.traits]

    def find_baseline(self) -> tuple[int, ...]:
        """Return the columns of the plain baseline: recency and frequency, of the target and of everything."""
        wanted = {(TARGET, "count", self.window_days), (TARGET, "days_since", self.window_days)}
        wanted |= {(ACTIVITY, "count", self.window_days), (ACTIVITY, "days_since", self.window_days)}
        features = self.list_features()
        return tuple(at for at, each in enumerate(features) if (each.subject, each.measure, each.window_days) in wanted)

    def to_document(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "window_days": self.window_days,
            "events": list(self.events),
            "traits": list(self.traits),
            "has_amounts": self.has_amounts,
        }


def plan_features(
    facts: Facts, definition: PredictionDefinition, window_days: int, cut_off_ms: int, unused_traits: Sequence[str]
) -> FeaturePlan:
    """Choose the events and traits that most people have before `cut_off_ms`, but for those that are left out.

    Args:
        facts: What there is to choose from.
        definition: Names what is left out.
        window_days: How far features look back.
        cut_off_ms: The earliest cut-off of the training.
        unused_traits: Further keys to leave out: what predictions and computed traits write.
    """
    events = facts.database.execute(
        "SELECT event FROM facts WHERE at_ms >= ? AND at_ms < ? AND NOT list_contains(?, event) "
        "GROUP BY event ORDER BY count(DISTINCT person) DESC, event LIMIT ?",
        [cut_off_ms - window_days * DAY_MS, facts.as_of_ms, list(definition.excluded_events), MAX_EVENTS],
    ).fetchall()
    least = max(2, int(len(facts.profile_ids) * _LEAST_SHARE))
    traits = facts.database.execute(
        "SELECT key FROM traits WHERE value IS NOT NULL AND at_ms < ? AND NOT list_contains(?, key) "
        "GROUP BY key HAVING count(DISTINCT person) >= ? ORDER BY count(DISTINCT person) DESC, key LIMIT ?",
        [facts.as_of_ms, [*definition.excluded_traits, *unused_traits], least, MAX_TRAITS],
    ).fetchall()
    return FeaturePlan(
        window_days,
        tuple(name for (name,) in events),
        tuple(key for (key,) in traits),
        definition.amount_property is not None,
    )


def read_features(facts: Facts, plan: FeaturePlan, cut_off_ms: int, people: People) -> Floats:
    """Return the features of n people at the cut-off: n rows, a column a feature, NaN where nothing is known.

    Args:
        facts: The tables.
        plan: The features.
        cut_off_ms: Nothing at or after it is looked at.
        people: Person numbers, rising; n values.

    Complexity: O(messages in the window).
    """
    features = plan.list_features()
    matrix = np.full((len(people), len(features)), np.nan)
    place = {feature: column for column, feature in enumerate(features)}
    since = cut_off_ms - plan.window_days * DAY_MS
    facts.database.register("wanted", _to_table(people))
    try:
        _fill_target(facts, plan, matrix, place, since, cut_off_ms)
        _fill_activity(facts, plan, matrix, place, since, cut_off_ms)
        _fill_events(facts, plan, matrix, place, since, cut_off_ms)
        _fill_traits(facts, plan, matrix, place, cut_off_ms)
    finally:
        facts.database.unregister("wanted")
    for column, feature in enumerate(features):
        if feature.measure == "count":  # what is not there was done zero times
            matrix[:, column] = np.nan_to_num(matrix[:, column])
        elif feature.measure == "days_since":  # not done in the window: as long ago as can be told
            matrix[:, column] = np.nan_to_num(matrix[:, column], nan=float(plan.window_days))
    return matrix


def _fill_target(
    facts: Facts, plan: FeaturePlan, matrix: Floats, place: dict[Feature, int], since: int, cut_off: int
) -> None:
    days = plan.window_days
    counts = ", ".join(
        f"count(*) FILTER (at_ms >= {cut_off - window * DAY_MS}) AS n{window}" for window in plan.windows_days
    )
    rows = facts.database.execute(
        f"SELECT w.place, {counts}, ({cut_off} - max(at_ms)) / {DAY_MS}.0 AS days_since, "  # noqa: S608 - numbers
        f"CASE WHEN count(*) > 1 THEN (max(at_ms) - min(at_ms)) / {DAY_MS}.0 / (count(*) - 1) END AS gap, "
        "sum(amount) AS amount, avg(amount) AS mean_amount, max(amount) AS top_amount "
        "FROM target t JOIN wanted w USING (person) WHERE at_ms >= ? AND at_ms < ? GROUP BY w.place",
        [since, cut_off],
    ).fetchnumpy()
    at = rows["place"]
    for window in plan.windows_days:
        matrix[at, place[Feature(TARGET, "", "count", window)]] = rows[f"n{window}"]
    gap, ago = (_to_floats(rows[name]) for name in ("gap", "days_since"))
    matrix[at, place[Feature(TARGET, "", "days_since", days)]] = ago
    matrix[at, place[Feature(TARGET, "", "gap", days)]] = gap
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix[at, place[Feature(TARGET, "", "overdue", days)]] = np.where(gap > 0, ago / gap, np.nan)
    if plan.has_amounts:
        for measure in _AMOUNTS:
            matrix[at, place[Feature(TARGET, "", measure, days)]] = _to_floats(rows[measure])


def _fill_activity(
    facts: Facts, plan: FeaturePlan, matrix: Floats, place: dict[Feature, int], since: int, cut_off: int
) -> None:
    rows = facts.database.execute(
        f"SELECT w.place, count(*) AS count, ({cut_off} - max(at_ms)) / {DAY_MS}.0 AS days_since, "  # noqa: S608
        f"({cut_off} - min(at_ms)) / {DAY_MS}.0 AS known_days, "
        f"count(DISTINCT ({cut_off} - 1 - at_ms) // {DAY_MS}) AS active_days, "
        "count(DISTINCT event) AS kinds FROM facts JOIN wanted w USING (person) "
        "WHERE at_ms >= ? AND at_ms < ? AND list_contains(?, event) GROUP BY w.place",
        [since, cut_off, list(plan.events)],
    ).fetchnumpy()
    for measure in _ACTIVITY:
        column = place[Feature(ACTIVITY, "", measure, plan.window_days)]
        matrix[rows["place"], column] = _to_floats(rows[measure])


def _fill_events(
    facts: Facts, plan: FeaturePlan, matrix: Floats, place: dict[Feature, int], since: int, cut_off: int
) -> None:
    if not plan.events:
        return
    counts = ", ".join(
        f"count(*) FILTER (at_ms >= {cut_off - window * DAY_MS}) AS n{window}" for window in plan.windows_days
    )
    rows = facts.database.execute(
        f"SELECT w.place, list_position(?, event) - 1 AS event, {counts}, "  # noqa: S608 - numbers
        f"({cut_off} - max(at_ms)) / {DAY_MS}.0 AS days_since FROM facts JOIN wanted w USING (person) "
        "WHERE at_ms >= ? AND at_ms < ? AND list_contains(?, event) GROUP BY ALL",
        [list(plan.events), since, cut_off, list(plan.events)],
    ).fetchnumpy()
    first = np.array([place[Feature(EVENT, event, "count", plan.windows_days[0])] for event in plan.events])
    base = first[rows["event"].astype(int)]
    for step, window in enumerate(plan.windows_days):
        matrix[rows["place"], base + step] = rows[f"n{window}"]
    matrix[rows["place"], base + len(plan.windows_days)] = _to_floats(rows["days_since"])


def _fill_traits(facts: Facts, plan: FeaturePlan, matrix: Floats, place: dict[Feature, int], cut_off: int) -> None:
    if not plan.traits:
        return
    rows = facts.database.execute(
        # arg_max skips NULL, and a value that is no number any more must hide the number before it
        "SELECT w.place, list_position(?, key) - 1 AS trait, arg_max(coalesce(value, 'nan'::DOUBLE), at_ms) AS value "
        "FROM traits JOIN wanted w USING (person) WHERE at_ms < ? AND list_contains(?, key) GROUP BY ALL",
        [list(plan.traits), cut_off, list(plan.traits)],
    ).fetchnumpy()
    first = np.array([place[Feature(TRAIT, trait, "value")] for trait in plan.traits])
    matrix[rows["place"], first[rows["trait"].astype(int)]] = _to_floats(rows["value"])


def _to_table(people: People) -> pa.Table:
    return pa.table({"person": pa.array(people, pa.int32()), "place": pa.array(np.arange(len(people)), pa.int32())})


def _to_floats(values: np.ndarray[Any, Any]) -> Floats:
    found: Floats = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    return found


_ACTIVITY = ("count", "days_since", "known_days", "active_days", "kinds")
_AMOUNTS = ("amount", "mean_amount", "top_amount")
