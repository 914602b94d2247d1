"""How much somebody spends on a purchase: the Gamma-Gamma model.

A customer's amounts scatter around a mean of their own, and these means are spread over all customers; somebody who
bought once is therefore expected near the mean of all, somebody who bought often near their own.

Source: Fader, Hardie (2013), "The Gamma-Gamma Model of Monetary Value", equations 1a and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import NotEnoughData
from core.predictions.bgnbd import MIN_REPEATERS, Floats

_PENALTY = 1e-6
_START = (2.0, 4.0, 1.0)


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model: `p` and `q` are shapes, `v` the scale of the means; unit: that of the amounts."""

    p: float
    q: float
    v: float


def fit_gamma_gamma(purchases: Floats, mean_amounts: Floats) -> GammaGamma:
    """Return the parameters under which the mean amounts are most likely.

    Args:
        purchases: Purchases behind each mean, all above 0; n values.
        mean_amounts: The mean of each customer, all above 0; n values.

    Raises:
        NotEnoughData: There are fewer than 30 customers, or no parameters fit.
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    if len(purchases) < MIN_REPEATERS:
        raise NotEnoughData(
            f"{len(purchases)} customers paid for a repeat purchase; what customers spend needs {MIN_REPEATERS}.",
            hint="Wait until more have bought again, or check the amount's property.",
        )
    scale = float(np.median(mean_amounts))
    x, m = purchases, mean_amounts / scale

    def loss(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        likely = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        likely += (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)
        found = -likely.mean()
        return float(found + _PENALTY * np.square(logs).sum()) if np.isfinite(found) else 1e10

    result = minimize(loss, np.log(_START), method="Nelder-Mead", options={"maxiter": 2_000, "xatol": 1e-5})
    if not result.success:
        raise NotEnoughData("The amounts do not show what customers spend.", hint="Wait for more purchases.")
    p, q, v = np.exp(result.x)
    return GammaGamma(float(p), float(q), float(v * scale))


def expect_amount(model: GammaGamma, purchases: Floats, mean_amounts: Floats) -> Floats:
    """Return the mean amount to expect of each customer; of one without a purchase, that of all.

    Where the means are spread so widely that their mean does not exist (q at most 1), a customer's own mean counts.
    """
    p, q, v = model.p, max(model.q, 1.01), model.v
    found: Floats = p * (v + purchases * mean_amounts) / (p * purchases + q - 1)
    return found
