"""How often somebody will buy again: the BG/NBD model, fitted by maximum likelihood.

Customers buy at a rate of their own (gamma over customers) until, after any purchase, they leave for good with a
probability of their own (beta over customers). What is known of each is when they first bought, how often since then,
and when last.

Source: Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24(2), equations 6 and 10. Differs in: the terms with the gamma function of equation 6 are arranged so
that no number overflows; customers with equal histories are counted together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import NotEnoughData

Floats: TypeAlias = NDArray[np.float64]

MIN_REPEATERS = 30
_PENALTY = 1e-6
"""Keeps parameters finite where a history says nothing about one of them; too small to show in the others."""
_START = (0.5, 5.0, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Purchases:
    """The purchase histories of n customers, each since their first purchase.

    Attributes:
        frequency: Purchases after the first; unit: count. n values.
        recency: From the first to the last purchase, 0 for a single one; any unit of time. n values.
        age: From the first purchase to the end of the observation; the same unit. n values.
    """

    frequency: Floats
    recency: Floats
    age: Floats


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model: `r` and `alpha` of the buying rate, `a` and `b` of leaving."""

    r: float
    alpha: float
    a: float
    b: float


def fit_bgnbd(purchases: Purchases) -> BgNbd:
    """Return the parameters under which the purchases are most likely.

    Raises:
        NotEnoughData: Fewer than 30 customers bought twice, or no parameters fit.

    Complexity: O(distinct histories) a step, some hundred steps.
    """
    from scipy.optimize import minimize

    repeaters = int(np.count_nonzero(purchases.frequency))
    if repeaters < MIN_REPEATERS:
        raise NotEnoughData(
            f"{repeaters} customers bought at least twice; how often customers come back needs {MIN_REPEATERS}.",
            hint="Wait until more have bought again.",
        )
    scale = float(purchases.age.max()) / 50 or 1.0  # parameters of any unit of time then begin near their values
    rows, counts = np.unique(
        np.column_stack([purchases.frequency, purchases.recency / scale, purchases.age / scale]),
        axis=0,
        return_counts=True,
    )
    some = Purchases(*(np.ascontiguousarray(column) for column in rows.T))

    def loss(logs: Floats) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            found = -np.average(_log_likelihoods(np.exp(logs), some), weights=counts)
        return float(found + _PENALTY * np.square(logs).sum()) if np.isfinite(found) else 1e10

    result = minimize(loss, np.log(_START), method="Nelder-Mead", options={"maxiter": 2_000, "xatol": 1e-5})
    if not result.success:
        raise NotEnoughData("The purchases do not show how customers come back.", hint="Wait for more purchases.")
    r, alpha, a, b = np.exp(result.x)
    return BgNbd(float(r), float(alpha * scale), float(a), float(b))


def expect_purchases(model: BgNbd, purchases: Purchases, span: float) -> Floats:
    """Return how many purchases each customer will make in the next `span`; the unit of time is that of the fit.

    Source: equation 10. Example: a customer of the paper's table with 2 purchases, the last in week 30.43 of 38.86.

        >>> one = Purchases(np.array([2.0]), np.array([30.43]), np.array([38.86]))
        >>> round(float(expect_purchases(BgNbd(0.243, 4.414, 0.793, 2.426), one, 39.0)[0]), 2)
        1.23
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, age = purchases.frequency, purchases.age
    grown = ((alpha + age) / (alpha + age + span)) ** (r + x)
    series = hyp2f1(r + x, b + x, a + b + x - 1, span / (alpha + age + span))
    expected = (a + b + x - 1) / (a - 1) * (1 - grown * series) if abs(a - 1) > _TOO_NEAR_1 else None
    if expected is None:  # the formula divides by a - 1: a hair beside it the value is the same
        return expect_purchases(BgNbd(r, alpha, a + 2 * _TOO_NEAR_1, b), purchases, span)
    found: Floats = np.maximum(expected * _chance_alive(model, purchases), 0.0)
    return found


def _chance_alive(model: BgNbd, purchases: Purchases) -> Floats:
    x = purchases.frequency
    with np.errstate(divide="ignore", over="ignore"):
        gone = (model.a / (model.b + np.maximum(x, 1) - 1)) * (
            (model.alpha + purchases.age) / (model.alpha + purchases.recency)
        ) ** (model.r + x)
    found: Floats = 1.0 / (1.0 + np.where(x > 0, gone, 0.0))
    return found


def _log_likelihoods(parameters: Floats, purchases: Purchases) -> Floats:
    from scipy.special import gammaln

    r, alpha, a, b = parameters
    x, recency, age = purchases.frequency, purchases.recency, purchases.age
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
    found: Floats = rate + stays + np.logaddexp(alive, np.where(x > 0, left, -np.inf))
    return found


_TOO_NEAR_1 = 1e-6
