"""Who is asked about at a moment, and what happened to them afterwards.

Decisions where the specification is silent:
- Two target events: either of them counts.
- Churn by not doing something: who did it in the window before is asked about, and churn is doing it fewer than N
  times in the window after. Churn by doing something (a cancellation): whoever was active in the window before is asked
  about, because somebody who has just cancelled need not cancel again.
- A likelihood asks about everybody who was active while features look back.
- The lifetime value asks about everybody with two purchases, whenever they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.predictions.bgnbd import Floats
from core.predictions.facts import DAY_MS, Facts
from core.predictions.features import People
from core.predictions.prediction import PredictionDefinition, PredictionKind

MIN_PURCHASES = 2


@dataclass(frozen=True, slots=True)
class Examples:
    """n people at one cut-off; `happened` is 1 or 0, or the amount that was spent in the window after it."""

    cut_off_ms: int
    people: People
    happened: Floats


def find_eligible(facts: Facts, definition: PredictionDefinition, feature_days: int, cut_off_ms: int) -> People:
    """Return who is asked about at the cut-off. O(messages before it)."""
    window = cut_off_ms - definition.window_days * DAY_MS
    if definition.kind is PredictionKind.LIFETIME_VALUE:
        sql = f"SELECT person FROM target WHERE at_ms < ? GROUP BY person HAVING count(*) >= {MIN_PURCHASES}"  # noqa: S608
        values: list[object] = [cut_off_ms]
    elif definition.kind is PredictionKind.CHURN:
        table = "facts" if definition.performs else "target"
        sql = f"SELECT DISTINCT person FROM {table} WHERE at_ms < ? AND at_ms >= ?"  # noqa: S608 - our own names
        values = [cut_off_ms, window]
    else:
        sql = "SELECT DISTINCT person FROM facts WHERE at_ms < ? AND at_ms >= ?"
        values = [cut_off_ms, cut_off_ms - feature_days * DAY_MS]
    found: People = facts.database.execute(f"{sql} ORDER BY person", values).fetchnumpy()["person"].astype(np.int32)
    return found


def read_examples(facts: Facts, definition: PredictionDefinition, feature_days: int, cut_off_ms: int) -> Examples:
    """Return who was asked about at the cut-off and what happened to them. O(messages before the window's end)."""
    people = find_eligible(facts, definition, feature_days, cut_off_ms)
    rows = facts.database.execute(
        "SELECT person, count(*) AS times, coalesce(sum(amount), 0) AS amount FROM target "
        "WHERE at_ms >= ? AND at_ms < ? GROUP BY person ORDER BY person",
        [cut_off_ms, cut_off_ms + definition.window_days * DAY_MS],
    ).fetchnumpy()
    times, amounts = np.zeros(len(facts.profile_ids)), np.zeros(len(facts.profile_ids))
    times[rows["person"]], amounts[rows["person"]] = rows["times"], rows["amount"]
    return Examples(cut_off_ms, people, _judge(definition, times[people], amounts[people]))


def _judge(definition: PredictionDefinition, times: Floats, amounts: Floats) -> Floats:
    if definition.kind is PredictionKind.LIFETIME_VALUE:
        spent: Floats = np.maximum(amounts, 0.0)  # who was paid back more than they spent is worth nothing, not less
        return spent
    did = times >= (definition.minimum if definition.kind is PredictionKind.CHURN else 1)
    is_churn_by_rest = definition.kind is PredictionKind.CHURN and not definition.performs
    found: Floats = (~did if is_churn_by_rest else did).astype(float)
    return found
