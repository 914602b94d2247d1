"""Why a prediction says what it says: what each event and trait adds, for one person and for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.predictions.bgnbd import Floats
from core.predictions.features import ACTIVITY, TARGET, TRAIT, VALUE, Feature
from core.predictions.learners import Learner

MAX_REASONS = 3
MAX_TOP = 10
_AT_ONCE = 20_000
_ANY, _MANY = "event of any kind", "events of any kind"
_LEAST = 0.02
"""A smaller part of the whole is no reason."""

Places: TypeAlias = NDArray[np.int_]
"""The group of each column."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a sentence of what is known, and whether it raises the prediction. `effect` is in log units."""

    sentence: str
    raises: bool
    effect: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much an event, a trait or the target weighs in all predictions together; the shares add up to 1."""

    subject: str
    name: str
    share: float


def list_reasons(learner: Learner, features: Sequence[Feature], matrix: Floats, words: Words) -> Iterator[list[Reason]]:
    """Yield the strongest reasons of each of n people, at most three. What is said once is not said twice.

    Columns about one event or trait count together; the one that weighs most is put in words.
    """
    groups, places = _group(features)
    for start in range(0, len(matrix), _AT_ONCE):
        part = matrix[start : start + _AT_ONCE]
        yield from _explain(learner.contribute(part), part, features, places, len(groups), words)


def list_contributions(learner: Learner, features: Sequence[Feature], matrix: Floats) -> list[Contribution]:
    """Return what weighs most over all n people: the mean size of what each event and trait adds."""
    groups, places = _group(features)
    sizes = np.zeros(len(groups))
    for start in range(0, len(matrix), _AT_ONCE):
        summed = _sum_groups(learner.contribute(matrix[start : start + _AT_ONCE]), places, len(groups))
        sizes += np.abs(summed).sum(axis=0)
    total = sizes.sum() or 1.0
    order = np.argsort(-sizes, kind="stable")[:MAX_TOP]
    shares = [(groups[at], float(sizes[at] / total)) for at in order if sizes[at] > 0]
    return [Contribution(subject, name, share) for (subject, name), share in shares]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one prediction: what its target is called, and the currency of amounts."""

    target: str
    currency: str = ""

    def describe(self, feature: Feature, value: float) -> str:
        """Return what a feature says of a person, as part of a sentence."""
        days, name = feature.window_days, feature.name
        if feature.subject == TRAIT:
            return f"{name} is {_number(value)}" if np.isfinite(value) else f"{name} is not known"
        if feature.subject == VALUE:
            return f"{_number(value)} {self.currency} expected from how often and how much they bought"
        what = {TARGET: self.target, ACTIVITY: _ANY}.get(feature.subject, f"“{name}”")
        if feature.measure == "days_since":
            if value >= days:
                return f"no {what} in the last {days} days"
            return f"last {what} {_days(value)} ago"
        if feature.measure == "count":
            named = f"× {what}" if what != _ANY else _ANY if value == 1 else _MANY
            return f"{_number(value)} {named} in the last {days} days"
        return self._describe_other(feature, value, days)

    def _describe_other(self, feature: Feature, value: float, days: int) -> str:
        if not np.isfinite(value):
            return f"no pattern of {self.target} in the last {days} days"
        known = {
            "gap": f"{self.target} every {_days(value)} on average",
            "overdue": f"{value:.1f} times as long without {self.target} as usual",
            "known_days": f"first event of the last {days} days {_days(value)} ago",
            "active_days": f"active on {_number(value)} of the last {days} days",
            "kinds": f"{_number(value)} different events in the last {days} days",
            "amount": f"{_number(value)} {self.currency} spent in the last {days} days",
            "mean_amount": f"{_number(value)} {self.currency} a purchase on average",
            "top_amount": f"{_number(value)} {self.currency} as the largest purchase",
        }
        return known[feature.measure]


def _explain(
    added: Floats, values: Floats, features: Sequence[Feature], places: Places, count: int, words: Words
) -> Iterator[list[Reason]]:
    summed = _sum_groups(added, places, count)
    sizes = np.abs(summed)
    least = np.maximum(_LEAST * sizes.sum(axis=1), np.finfo(float).tiny)
    rows = np.arange(len(added))
    found: list[list[Reason]] = [[] for _ in rows]
    for group in np.argsort(-sizes, axis=1, kind="stable")[:, :MAX_REASONS].T:
        effects = summed[rows, group]
        # the column that pulls most in the direction of the whole: another could contradict the sentence
        pulls = np.where(places == group[:, None], added * np.sign(effects)[:, None], -np.inf)
        strongest = pulls.argmax(axis=1)
        for row in np.flatnonzero(sizes[rows, group] >= least):
            sentence = words.describe(features[strongest[row]], float(values[row, strongest[row]]))
            found[row].append(Reason(sentence, bool(effects[row] > 0), round(float(effects[row]), 3)))
    yield from found


def _group(features: Sequence[Feature]) -> tuple[list[tuple[str, str]], Places]:
    keys = [(feature.subject, feature.name) for feature in features]
    groups = list(dict.fromkeys(keys))
    number = {key: at for at, key in enumerate(groups)}
    return groups, np.array([number[key] for key in keys])


def _sum_groups(added: Floats, places: Places, count: int) -> Floats:
    summed = np.zeros((len(added), count))
    for column, place in enumerate(places):
        summed[:, place] += added[:, column]
    return summed


def _number(value: float) -> str:
    return (
        f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}".rstrip("0").rstrip(".")
    )


def _days(value: float) -> str:
    whole = round(value)
    return "1 day" if whole == 1 else f"{whole} days"
