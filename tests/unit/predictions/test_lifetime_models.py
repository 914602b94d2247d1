"""Against the published figures of CDNOW's customers: Fader, Hardie, Lee (2005), and simulated customers."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import NotEnoughData
from core.predictions.bgnbd import BgNbd, Purchases, expect_purchases, fit_bgnbd
from core.predictions.gamma_gamma import GammaGamma, expect_amount, fit_gamma_gamma

CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426)


def simulate(customers: int, weeks: float, seed: int = 3) -> tuple[Purchases, np.ndarray]:
    """Return histories by the published parameters, and what each bought in as many weeks again."""
    chance = np.random.default_rng(seed)
    rows, later = [], []
    for _ in range(customers):
        rate, leaves = chance.gamma(CDNOW.r) / CDNOW.alpha, chance.beta(CDNOW.a, CDNOW.b)
        start, times = chance.uniform(0, 12), []
        at = start
        while not times or chance.random() >= leaves:
            at += chance.exponential(1 / max(rate, 1e-12))
            if at > 2 * weeks:
                break
            times.append(at)
        before = [each for each in times if each <= weeks]
        rows.append((len(before), (before[-1] - start) if before else 0.0, weeks - start))
        later.append(len(times) - len(before))
    return Purchases(*np.array(rows, dtype=float).T), np.array(later, dtype=float)


def test_the_published_expectation_of_one_customer_is_met() -> None:
    one = Purchases(np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert expect_purchases(CDNOW, one, 39.0)[0] == pytest.approx(1.226, abs=0.001)


def test_the_parameters_behind_simulated_customers_are_found_again() -> None:
    purchases, later = simulate(6_000, 39.0)
    found = fit_bgnbd(purchases)
    assert found.r == pytest.approx(CDNOW.r, rel=0.15)
    assert found.alpha == pytest.approx(CDNOW.alpha, rel=0.25)
    assert found.a / (found.a + found.b) == pytest.approx(CDNOW.a / (CDNOW.a + CDNOW.b), rel=0.2)
    expected = expect_purchases(found, purchases, 39.0)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.1)


def test_the_unit_of_time_does_not_matter() -> None:
    purchases, _ = simulate(1_500, 39.0)
    days = Purchases(purchases.frequency, purchases.recency * 7, purchases.age * 7)
    weekly, daily = fit_bgnbd(purchases), fit_bgnbd(days)
    by_week, by_day = expect_purchases(weekly, purchases, 10.0), expect_purchases(daily, days, 70.0)
    assert np.abs(by_week - by_day).max() < 0.02


def test_more_purchases_and_later_ones_let_expect_more() -> None:
    asked = Purchases(np.array([1.0, 4.0, 4.0]), np.array([30.0, 30.0, 5.0]), np.array([39.0, 39.0, 39.0]))
    seldom, often, long_ago = expect_purchases(CDNOW, asked, 39.0)
    assert long_ago < seldom < often


def test_too_few_who_came_back_are_refused_with_their_number() -> None:
    few = Purchases(np.array([1.0] * 12 + [0.0] * 500), np.zeros(512), np.full(512, 20.0))
    with pytest.raises(NotEnoughData, match=r"12 customers bought at least twice; .* needs 30"):
        fit_bgnbd(few)
    with pytest.raises(NotEnoughData, match="needs 30"):
        fit_gamma_gamma(np.ones(5), np.ones(5))


def test_the_mean_amount_of_simulated_customers_is_found_again() -> None:
    chance = np.random.default_rng(5)
    truth = GammaGamma(6.25, 3.74, 15.44)
    means = truth.v * truth.p / chance.gamma(truth.q, size=4_000)
    counts = chance.integers(1, 8, size=4_000).astype(float)
    both = zip(counts, means, strict=True)
    seen = np.array([chance.gamma(truth.p, mean / truth.p, size=int(count)).mean() for count, mean in both])
    model = fit_gamma_gamma(counts, seen)
    expected = expect_amount(model, counts, seen)
    assert expected.mean() == pytest.approx(means.mean(), rel=0.05)
    assert np.abs(expected - means).mean() < np.abs(seen - means).mean(), "nearer to the truth than one's own mean"
    newcomer = expect_amount(model, np.zeros(1), np.zeros(1))[0]
    assert newcomer == pytest.approx(means.mean(), rel=0.1)
