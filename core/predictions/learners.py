"""What learns: gradient-boosted trees, and the plain regression that they must beat. Both are kept as JSON text.

Trees are LightGBM's, in its own text format: numbers and words, parsed and never run, unlike a pickle.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from core.errors import ConfigurationError
from core.predictions.bgnbd import Floats
from core.predictions.evaluation import HIGHEST, LOWEST, measure_losses

MAX_TREES = 400
PATIENCE = 30
_MANY_ROWS = 20_000
_RIDGE = 1e-2
_OBJECTIVES: Mapping[str, Mapping[str, object]] = {
    "probability": {"objective": "binary"},
    "amount": {"objective": "tweedie", "tweedie_variance_power": 1.4},
}
_PARAMETERS: Mapping[str, object] = {
    "num_leaves": 15,
    "learning_rate": 0.05,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 7,
    "verbosity": -1,
}


class Goal(StrEnum):
    """What is learned: the probability that something happens, or an amount."""

    PROBABILITY = "probability"
    AMOUNT = "amount"


class Learner(Protocol):
    """Something that has learned."""

    def predict(self, features: Floats) -> Floats:
        """Return a probability or an amount for each of n rows."""
        ...

    def contribute(self, features: Floats) -> Floats:
        """Return what each feature adds to each of n predictions, as log odds or as the logarithm of an amount."""
        ...

    def to_document(self) -> dict[str, object]:
        """Return it as plain JSON."""
        ...


class Trees:
    """Gradient-boosted trees."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._booster = _load_lightgbm().Booster(model_str=text)

    def predict(self, features: Floats) -> Floats:
        """Return the mean prediction of the trees."""
        found: Floats = self._booster.predict(features, num_threads=_count_threads(features))
        return found

    def contribute(self, features: Floats) -> Floats:
        """Return TreeSHAP values: they add up to what the trees say beyond their mean."""
        found: Floats = self._booster.predict(features, pred_contrib=True, num_threads=_count_threads(features))
        return found[:, :-1]

    def to_document(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {"kind": "trees", "text": self._text}


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression on a few columns. A value that is missing counts as the column's mean."""

    columns: tuple[int, ...]
    means: Floats
    spreads: Floats
    weights: Floats
    intercept: float

    def predict(self, features: Floats) -> Floats:
        """Return a probability for each row."""
        logits = self._scale(features) @ self.weights + self.intercept
        found: Floats = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
        return found

    def contribute(self, features: Floats) -> Floats:
        """Return weight times distance from the mean."""
        found = np.zeros(features.shape)
        found[:, list(self.columns)] = self._scale(features) * self.weights
        return found

    def to_document(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "kind": "regression",
            "columns": list(self.columns),
            "means": self.means.tolist(),
            "spreads": self.spreads.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }

    def _scale(self, features: Floats) -> Floats:
        found: Floats = np.nan_to_num((np.log1p(features[:, list(self.columns)]) - self.means) / self.spreads)
        return found


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A rising curve from what a learner says to what happened; without points it changes nothing."""

    points: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def apply(self, scores: Floats) -> Floats:
        """Return calibrated probabilities."""
        found: Floats = np.clip(np.interp(scores, self.points, self.values), LOWEST, HIGHEST) if self.points else scores
        return found


def grow_trees(features: Floats, wanted: Floats, test: tuple[Floats, Floats], goal: Goal) -> Trees:
    """Return trees grown until the loss on `test` has not fallen for 30 trees.

    Args:
        features: n rows, a column a feature; NaN where a value is missing.
        wanted: What happened: 0 or 1, or an amount from 0. n values.
        test: Rows and values of other people, which only decide when to stop.
        goal: What is learned.

    Complexity: O(trees x rows x features).
    """
    lightgbm = _load_lightgbm()
    few = max(10, min(100, len(wanted) // 100))
    parameters = {**_PARAMETERS, **_OBJECTIVES[goal], "min_data_in_leaf": few, "num_threads": _count_threads(features)}
    data = lightgbm.Dataset(features, wanted, params=parameters, free_raw_data=False)
    other = lightgbm.Dataset(test[0], test[1], reference=data, params=parameters, free_raw_data=False)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    booster = lightgbm.train(parameters, data, MAX_TREES, valid_sets=[other], callbacks=[stop])
    return Trees(booster.model_to_string(num_iteration=booster.best_iteration))


def fit_regression(features: Floats, happened: Floats, columns: Sequence[int]) -> Regression:
    """Return a logistic regression on the logarithms of `columns`, with a small ridge. O(rows) a step."""
    from scipy.optimize import minimize

    chosen = np.log1p(features[:, list(columns)])
    known = ~np.isnan(chosen)
    counts = np.maximum(known.sum(axis=0), 1)
    means: Floats = np.where(known, chosen, 0.0).sum(axis=0) / counts
    spreads: Floats = np.sqrt(np.where(known, np.square(chosen - means), 0.0).sum(axis=0) / counts)
    spreads = np.where(spreads > 0, spreads, 1.0)
    scaled = np.column_stack([np.nan_to_num((chosen - means) / spreads), np.ones(len(chosen))])

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = scaled @ weights
        error = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))) - happened
        ridge = np.append(weights[:-1], 0.0) * _RIDGE
        value = np.mean(np.logaddexp(0.0, logits) - happened * logits) + 0.5 * ridge @ weights
        return float(value), scaled.T @ error / len(happened) + ridge

    result = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B")
    return Regression(tuple(columns), means, spreads, result.x[:-1], float(result.x[-1]))


def choose_calibrator(scores: Floats, happened: Floats) -> Calibrator:
    """Return an isotonic curve if it pays on people it was not fitted to, else none.

    Each half of the people is judged by the curve of the other half.
    """
    halves = (slice(0, None, 2), slice(1, None, 2))
    gained = 0.0
    for fit, test in (halves, halves[::-1]):
        curve = _fit_isotonic(scores[fit], happened[fit])
        before, after = (measure_losses(each, happened[test]) for each in (scores[test], curve.apply(scores[test])))
        gained += float(before.sum() - after.sum())
    return _fit_isotonic(scores, happened) if gained > 0 else Calibrator()


def read_learner(document: dict[str, Any]) -> Learner:
    """Return what `to_document` wrote."""
    if document["kind"] == "trees":
        return Trees(document["text"])
    means, spreads, weights = (np.array(document[name], dtype=float) for name in ("means", "spreads", "weights"))
    return Regression(tuple(document["columns"]), means, spreads, weights, document["intercept"])


def _count_threads(features: Floats) -> int:
    # threads that wait for each other at every tree cost more than they bring where there is little to do
    return 2 if len(features) > _MANY_ROWS else 1


def _fit_isotonic(scores: Floats, happened: Floats) -> Calibrator:
    from scipy.optimize import isotonic_regression

    points, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    shares = np.bincount(places, weights=happened) / counts
    rising = isotonic_regression(shares, weights=counts).x
    # a step of the curve is kept by its two ends
    ends = np.concatenate([[True], rising[1:] != rising[:-1]]) | np.concatenate([rising[1:] != rising[:-1], [True]])
    return Calibrator(tuple(points[ends].tolist()), tuple(rising[ends].tolist()))


def _load_lightgbm() -> Any:
    # where it is used: a second of start-up that only training and scoring need
    try:
        return importlib.import_module("lightgbm")
    except OSError as error:  # its wheel counts on the compiler's parallel library being there
        raise ConfigurationError(
            "The library that trains predictions cannot be loaded: libgomp is missing on this machine.",
            code="training_library_missing",
            hint="Install it: apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora).",
        ) from error
