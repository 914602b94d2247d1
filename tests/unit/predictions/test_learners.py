from __future__ import annotations

import subprocess
import sys

import numpy as np
import orjson
import pytest

from core.predictions.evaluation import measure_auc, measure_losses
from core.predictions.features import ACTIVITY, EVENT, TARGET, Feature
from core.predictions.learners import (
    Calibrator,
    Goal,
    choose_calibrator,
    fit_regression,
    grow_trees,
    read_learner,
)
from core.predictions.reasons import Words, list_contributions, list_reasons

FEATURES = [
    Feature(TARGET, "", "count", 30),
    Feature(EVENT, "Complaint", "count", 30),
    Feature(EVENT, "Noise", "count", 30),
]


def make_people(count: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(4)
    features = chance.poisson(2.0, (count, 3)).astype(float)
    odds = 1.5 * features[:, 1] - features[:, 0] - 0.5
    happened = (chance.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    features[chance.random(features.shape) < 0.05] = np.nan
    return features, happened


def grow(features: np.ndarray, happened: np.ndarray):
    return grow_trees(features[::2], happened[::2], (features[1::2], happened[1::2]), Goal.PROBABILITY)


def test_what_was_learned_is_the_same_after_it_was_kept_as_json() -> None:
    features, happened = make_people()
    for learner in (grow(features, happened), fit_regression(features, happened, (0, 1))):
        kept = read_learner(orjson.loads(orjson.dumps(learner.to_document())))
        assert kept.predict(features) == pytest.approx(learner.predict(features))
        assert measure_auc(kept.predict(features), happened) > 0.8


def test_contributions_add_up_to_the_prediction_and_name_what_weighs() -> None:
    """TreeSHAP: what is added, with the mean, is the log odds."""
    features, happened = make_people()
    trees = grow(features, happened)
    probability = trees.predict(features)
    rest = np.log(probability / (1 - probability)) - trees.contribute(features).sum(axis=1)
    assert rest == pytest.approx(np.full(len(rest), rest[0]))
    top = list_contributions(trees, FEATURES, features)
    assert [each.name for each in top][:2] == ["Complaint", ""]
    assert sum(each.share for each in top) == pytest.approx(1.0)
    complained = np.array([[1.0, 6.0, 2.0]])
    (reasons,) = list_reasons(trees, FEATURES, complained, Words("“Order”"))
    assert reasons[0].sentence == "6 × “Complaint” in the last 30 days"
    assert reasons[0].raises
    every = Feature(ACTIVITY, "", "count", 90)
    assert Words("“Order”").describe(every, 22.0) == "22 events of any kind in the last 90 days"


def test_a_calibrator_is_used_only_where_it_helps_people_it_has_not_seen() -> None:
    chance = np.random.default_rng(6)
    truth = chance.random(4_000)
    happened = (chance.random(4_000) < truth).astype(float)
    assert choose_calibrator(truth[:600], happened[:600]).apply(np.array([0.5]))[0] == pytest.approx(0.5, abs=0.15)
    too_sure = np.clip(truth * 3 - 1, 0.01, 0.99)
    curve = choose_calibrator(too_sure, happened)
    assert curve.points
    assert measure_losses(curve.apply(too_sure), happened).mean() < measure_losses(too_sure, happened).mean()
    assert (np.diff(curve.apply(np.linspace(0, 1, 50))) >= 0).all()
    assert Calibrator().apply(truth) is truth


def test_heavy_libraries_are_loaded_only_by_training() -> None:
    """A worker, the command line and the pages start without them."""
    code = (
        "import sys, core.worker, core.cli.predictions, core.setup.entitled;"
        "print([name for name in ('lightgbm', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
