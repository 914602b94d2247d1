from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.predictions.evaluation import (
    AUC_STEPS,
    Quality,
    find_edges,
    is_better,
    judge,
    measure_auc,
    measure_calibration_error,
    measure_drift,
    measure_lift,
    measure_losses,
    measure_rank_correlation,
    rank_shares,
    share_bins,
    sort_into_bins,
)

SCORES = st.lists(st.integers(0, 6), min_size=4, max_size=25)


@settings(max_examples=40, deadline=None)
@given(SCORES, st.randoms())
def test_auc_is_the_share_of_pairs_in_the_right_order(scores, random):
    happened = [random.random() < 0.5 for _ in scores]
    pairs = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for (high, did), (low, did_not) in itertools.product(zip(scores, happened, strict=True), repeat=2)
        if did and not did_not
    ]
    found = measure_auc(np.array(scores, float), np.array(happened, float))
    assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30))
def test_rank_correlation_is_that_of_scipy(pairs):
    from scipy.stats import spearmanr  # takes seconds, in every worker that only collects this file

    first, second = np.array(pairs, float).T
    found = measure_rank_correlation(first, second)
    if len(set(first)) > 1 and len(set(second)) > 1:
        assert found == pytest.approx(spearmanr(first, second).statistic)
    else:
        assert found == 0.0


def test_a_certainty_that_is_wrong_costs_much_and_not_everything() -> None:
    losses = measure_losses(np.array([0.0, 1.0, 0.5]), np.array([1.0, 1.0, 0.0]))
    assert losses[0] == pytest.approx(9.21, abs=0.01)
    assert losses[1] == pytest.approx(0.0, abs=0.001)
    assert losses[2] == pytest.approx(np.log(2))


def test_lift_bins_and_calibration_of_a_known_case() -> None:
    scores = np.linspace(0.05, 0.95, 100)
    happened = (np.arange(100) >= 90).astype(float)
    assert measure_lift(scores, happened) == pytest.approx(10.0)
    bins = sort_into_bins(scores, happened)
    assert [each.people for each in bins] == [10] * 10
    assert [each.observed for each in bins] == [0.0] * 9 + [1.0]
    assert 0.3 < measure_calibration_error(bins) < 0.6


def test_drift_is_none_for_the_same_people_and_large_for_others() -> None:
    chance = np.random.default_rng(1)
    before, same, other = chance.beta(2, 5, 5_000), chance.beta(2, 5, 5_000), chance.beta(5, 2, 5_000)
    edges = find_edges(before)
    shares = share_bins(before, edges)
    assert shares == pytest.approx([0.1] * 10, abs=0.01)
    assert measure_drift(shares, shares) == 0.0
    assert measure_drift(shares, share_bins(same, edges)) < 0.02
    assert measure_drift(shares, share_bins(other, edges)) > 1


def test_everybody_equal_shares_the_middle_and_the_last_of_many_is_one() -> None:
    assert rank_shares(np.full(4, 0.3)).tolist() == [0.62] * 4
    assert rank_shares(np.arange(100.0))[[0, 84, 99]].tolist() == [0.01, 0.85, 1.0]


def test_better_means_more_than_chance() -> None:
    chance = np.random.default_rng(2)
    noise = chance.normal(0, 1, 400)
    assert not is_better(np.ones(400) + noise * 0.5, np.ones(400) + noise * 0.5)
    assert is_better(np.ones(400) * 0.8 + noise * 0.1, np.ones(400))
    assert judge(0.75, AUC_STEPS, is_useful=True) is Quality.GOOD
    assert judge(0.95, AUC_STEPS, is_useful=False) is Quality.POOR
    assert judge(float("nan"), AUC_STEPS, is_useful=True) is Quality.POOR
