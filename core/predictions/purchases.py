"""The plain model of what customers will spend: how often they come back (BG/NBD) times how much they spend then.

A customer's purchases of one day count as one: a basket paid in two parts is no second visit. Time is counted in weeks.
"""

from __future__ import annotations

import numpy as np

from core.predictions.bgnbd import BgNbd, Floats, Purchases, expect_purchases, fit_bgnbd
from core.predictions.facts import DAY_MS, Facts
from core.predictions.features import People
from core.predictions.gamma_gamma import GammaGamma, expect_amount, fit_gamma_gamma

_WEEK_DAYS = 7.0


def expect_spending(facts: Facts, cut_off_ms: int, window_days: int) -> Floats:
    """Return what everybody will spend in the window after the cut-off, by their purchases before it; by person.

    Raises:
        NotEnoughData: Too few customers bought twice before the cut-off.
    Complexity: O(purchases before the cut-off).
    """
    everybody, purchases, amounts = read_purchases(facts, cut_off_ms)
    model, money = fit_spending(purchases, amounts)
    expected = predict_spending(model, money, purchases, amounts, window_days / _WEEK_DAYS)
    found = np.zeros(len(facts.profile_ids))
    found[everybody] = expected
    return found


def fit_spending(purchases: Purchases, amounts: Floats) -> tuple[BgNbd, GammaGamma]:
    """Return both models, fitted to n histories and the mean amount of each one's repeat purchases (0 without one)."""
    paid = (purchases.frequency > 0) & (amounts > 0)
    return fit_bgnbd(purchases), fit_gamma_gamma(purchases.frequency[paid], amounts[paid])


def predict_spending(model: BgNbd, money: GammaGamma, purchases: Purchases, amounts: Floats, span: float) -> Floats:
    """Return what each customer will spend in the next `span`, in the unit of time of the fit."""
    paid = np.where(amounts > 0, purchases.frequency, 0.0)
    each = expect_amount(money, paid, np.maximum(amounts, 0.0))
    found: Floats = expect_purchases(model, purchases, span) * each
    return found


def read_purchases(facts: Facts, cut_off_ms: int) -> tuple[People, Purchases, Floats]:
    """Return who bought before the cut-off, their histories in weeks, and the mean amount of their repeat purchases."""
    rows = facts.database.execute(
        f"""
        WITH days AS (SELECT person, at_ms // {DAY_MS} AS day, sum(amount) AS amount
                      FROM target WHERE at_ms < ? GROUP BY ALL),
             firsts AS (SELECT person, min(day) AS first FROM days GROUP BY person)
        SELECT person, count(*) - 1 AS repeats, max(day) - min(day) AS recency, ? // {DAY_MS} - min(day) AS age,
               coalesce(avg(amount) FILTER (day > first), 0) AS amount
        FROM days JOIN firsts USING (person) GROUP BY person ORDER BY person
        """,  # noqa: S608 - a number of our own
        [cut_off_ms, cut_off_ms],
    ).fetchnumpy()
    weeks = [rows[name].astype(float) / _WEEK_DAYS for name in ("recency", "age")]
    purchases = Purchases(rows["repeats"].astype(float), *weeks)
    return rows["person"].astype(np.int32), purchases, rows["amount"].astype(float)
