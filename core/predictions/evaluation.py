"""How good predictions are, measured on a time that the training has not seen.

AUC and rank correlation say how well people are put in order, log loss and calibration whether a probability is one,
lift what the order is worth. All of it is plain arithmetic on two columns: what was predicted and what happened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.predictions.bgnbd import Floats

BINS = 10
LOWEST, HIGHEST = 1e-4, 1 - 1e-4
"""Probabilities are kept inside: a certainty that is wrong once would cost an infinite log loss."""


class Quality(StrEnum):
    """What a prediction is good for, in one word."""

    POOR = "Poor"
    FAIR = "Fair"
    GOOD = "Good"
    EXCELLENT = "Excellent"


AUC_STEPS = ((0.80, Quality.EXCELLENT), (0.70, Quality.GOOD), (0.60, Quality.FAIR))
RANK_STEPS = ((0.50, Quality.EXCELLENT), (0.35, Quality.GOOD), (0.20, Quality.FAIR))


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the people, lowest predictions first: what was predicted and what happened, both as means."""

    people: int
    predicted: float
    observed: float


def measure_auc(scores: Floats, happened: Floats) -> float:
    """Return the chance that somebody who did it is placed above somebody who did not; 0.5 is no order at all.

    Example:
        >>> measure_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
        0.75
    """
    positives = float(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return float("nan")
    total = float(_rank(scores)[happened > 0].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def measure_losses(probabilities: Floats, happened: Floats) -> Floats:
    """Return the log loss of each of n people; lower is better. Their mean is the log loss of all."""
    inside = np.clip(probabilities, LOWEST, HIGHEST)
    found: Floats = -np.where(happened > 0, np.log(inside), np.log1p(-inside))
    return found


def measure_rank_correlation(scores: Floats, happened: Floats) -> float:
    """Return Spearman's rank correlation, -1 to 1; 0 where one of both is the same for everybody."""
    first, second = _rank(scores), _rank(happened)
    spread = first.std() * second.std()
    return float(np.mean((first - first.mean()) * (second - second.mean())) / spread) if spread else 0.0


def measure_lift(scores: Floats, happened: Floats, share: float = 0.1) -> float:
    """Return how much more happens among the highest scored `share` of people than among all: 1 is no more."""
    mean = float(happened.mean())
    if mean <= 0:
        return float("nan")
    top = np.argsort(-scores, kind="stable")[: max(1, math.ceil(len(scores) * share))]
    return float(happened[top].mean()) / mean


def sort_into_bins(scores: Floats, happened: Floats) -> list[Bin]:
    """Return ten bins of equally many people, lowest scores first; fewer where there are fewer than ten people."""
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    return [Bin(len(part), float(scores[part].mean()), float(happened[part].mean())) for part in parts if len(part)]


def measure_calibration_error(bins: list[Bin]) -> float:
    """Return how far predicted and observed shares lie apart, on the mean over people; 0 is best."""
    people = sum(each.people for each in bins)
    return sum(each.people * abs(each.predicted - each.observed) for each in bins) / people if people else 0.0


def is_better(losses: Floats, baseline: Floats) -> bool:
    """Say whether the losses are below the baseline's by more than chance: one standard error of the difference."""
    gain = baseline - losses
    return bool(gain.mean() > gain.std(ddof=1) / math.sqrt(len(gain))) if len(gain) > 1 else False


def find_edges(scores: Floats) -> list[float]:
    """Return the nine scores that part the people in tenths; `measure_drift` compares later scores with them."""
    return [float(edge) for edge in np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1])]


def share_bins(scores: Floats, edges: list[float]) -> list[float]:
    """Return the share of people in each of the ten bins that `edges` part."""
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1)
    return [float(count) / len(scores) for count in counts]


def measure_drift(before: list[float], now: list[float]) -> float:
    """Return the population stability index of two distributions over the same bins: 0 where they are the same.

    Below 0.1 nothing has changed, above 0.25 the people are no longer those that the training knew.
    """
    first, second = (np.clip(np.array(shares), 1e-4, None) for shares in (before, now))
    return float(((second - first) * np.log(second / first)).sum())


def rank_shares(scores: Floats) -> Floats:
    """Return for each of n people the share that is placed no higher, 0 to 1: 0.85 is the top 15 %."""
    found: Floats = np.round(_rank(scores) / len(scores), 2)
    return found


def judge(value: float, steps: tuple[tuple[float, Quality], ...], *, is_useful: bool) -> Quality:
    """Return the quality that an AUC or a rank correlation stands for; what beats nothing is poor."""
    if not is_useful or not math.isfinite(value):
        return Quality.POOR
    return next((quality for least, quality in steps if value >= least), Quality.POOR)


def _rank(values: Floats) -> Floats:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    found: Floats = (ends - (counts - 1) / 2.0)[places]
    return found
