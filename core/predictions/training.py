"""Training: trees beside the plain baseline they must beat, tested on a newest window that the training has not seen.

The newest cut-off lies one window before the moment of the training; what happened after it is the test. The training's
own cut-offs lie at least one window earlier, so nothing that it was told happened after the first day of the test. Once
tested, the same is learned again with the newest window included, and that scores people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.errors import LeakageSuspected, NotEnoughData
from core.predictions.bgnbd import Floats
from core.predictions.evaluation import (
    AUC_STEPS,
    RANK_STEPS,
    is_better,
    judge,
    measure_auc,
    measure_calibration_error,
    measure_lift,
    measure_losses,
    measure_rank_correlation,
    sort_into_bins,
)
from core.predictions.facts import DAY_MS, Facts, Told
from core.predictions.features import Feature, FeaturePlan, plan_features
from core.predictions.learned import Learned, read_expected, read_matrix
from core.predictions.learners import Calibrator, Goal, Learner, choose_calibrator, fit_regression, grow_trees
from core.predictions.outcomes import Examples, read_examples
from core.predictions.prediction import PredictionDefinition, PredictionKind
from core.predictions.reasons import Words
from core.predictions.requirements import measure_feature_days, measure_history_days, measure_requirements

MAX_CUT_OFFS = 4
MAX_EXAMPLES = 120_000
LEAKING_AUC = 0.99
_HELD_OUT = 5
"""Every fifth person decides when to stop growing and how to calibrate."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What scores people from now on, and how good it was on the time it had not seen."""

    learned: Learned
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Examples of one or more cut-offs with their features."""

    matrix: Floats
    happened: Floats
    people: np.ndarray[Any, np.dtype[np.int32]]


def train(
    facts: Facts, definition: PredictionDefinition, unused_traits: Sequence[str], tell: Told = lambda _: None
) -> Trained:
    """Learn the prediction from `facts` and test it.

    Args:
        facts: What is known before the moment of the training.
        definition: What is predicted.
        unused_traits: Keys that teach nothing: what predictions and computed traits write.
        tell: Told what is being done.

    Raises:
        NotEnoughData, PredictionOutOfDate: A requirement is not met.
        LeakageSuspected: One column alone tells who will do it.
    Complexity: O(messages + trees x examples x features).
    """
    tell("checking what there is")
    requirements = measure_requirements(facts, definition)
    requirements.require()
    window_ms = definition.window_days * DAY_MS
    plan, cut_offs = _plan(facts, definition, unused_traits)
    tell("reading the past")
    before = [_read(facts, definition, plan, cut_off) for cut_off in cut_offs]
    test = _read(facts, definition, plan, facts.as_of_ms - window_ms)
    if test is None:
        raise NotEnoughData("There is nobody to test the prediction on.", hint="Wait for more customers.")
    rows = _join([each for each in before if each is not None])
    _refuse_leakage(rows, plan, definition)
    is_amount = definition.kind is PredictionKind.LIFETIME_VALUE
    measure = _measure_amounts if is_amount else _measure_probabilities
    tell("learning, and testing it on the newest window")
    tested = measure(rows, test, plan)
    tell("learning from the newest window too")
    learned = _learn_finally(
        _join([test, *(each for each in before[: MAX_CUT_OFFS - 1] if each)]), plan, tested, is_amount
    )
    report = {
        **tested,
        "requirements": requirements.to_document(),
        "trained_on": len(rows.happened),
        "tested_on": len(test.happened),
        "cut_offs": [facts.as_of_ms - window_ms, *cut_offs],
        "feature_days": plan.window_days,
        "top": [asdict(each) for each in learned.weigh(test.matrix)],
    }
    return Trained(learned, report)


def make_words(definition: PredictionDefinition) -> Words:
    """Return the words in which this prediction gives its reasons."""
    return Words(definition.target_label, definition.currency)


def _plan(
    facts: Facts, definition: PredictionDefinition, unused_traits: Sequence[str]
) -> tuple[FeaturePlan, list[int]]:
    window, days = definition.window_days, measure_history_days(facts)
    feature_days = measure_feature_days(facts, definition)
    newest = facts.as_of_ms - 2 * window * DAY_MS
    first = facts.as_of_ms - int(days * DAY_MS)
    step = max(7, window // 2) * DAY_MS
    cut_offs = [newest - number * step for number in range(MAX_CUT_OFFS)]
    # the first is always there: the requirements have seen to it
    kept = [each for each in cut_offs if each == newest or each - feature_days * DAY_MS >= first]
    return plan_features(facts, definition, feature_days, kept[-1], unused_traits), kept


def _read(facts: Facts, definition: PredictionDefinition, plan: FeaturePlan, cut_off_ms: int) -> _Rows | None:
    examples = _sample(read_examples(facts, definition, plan.window_days, cut_off_ms))
    if not len(examples.people):
        return None
    try:
        expected = read_expected(facts, definition, cut_off_ms)
    except NotEnoughData:  # an early cut-off, before many had bought twice
        return None
    matrix = read_matrix(facts, plan, cut_off_ms, examples.people, expected)
    return _Rows(matrix, examples.happened, examples.people)


def _sample(examples: Examples) -> Examples:
    most = MAX_EXAMPLES // MAX_CUT_OFFS
    if len(examples.people) <= most:
        return examples
    kept = np.sort(np.random.default_rng(examples.cut_off_ms).choice(len(examples.people), most, replace=False))
    return Examples(examples.cut_off_ms, examples.people[kept], examples.happened[kept])


def _join(parts: Sequence[_Rows]) -> _Rows:
    if not parts:
        raise NotEnoughData(
            "Too few customers came back early enough to learn from.",
            hint="Wait for more history, or a shorter window.",
        )
    return _Rows(
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.happened for part in parts]),
        np.concatenate([part.people for part in parts]),
    )


def _split(rows: _Rows) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    held = rows.people % _HELD_OUT == 0
    if held.all() or not held.any():  # a handful of people
        held = np.arange(len(rows.people)) % _HELD_OUT == 0
    return ~held, held


def _grow(rows: _Rows, goal: Goal) -> tuple[Learner, Floats, Floats]:
    """Return trees, what they say of the people held out, and what those did."""
    fit, held = _split(rows)
    trees = grow_trees(rows.matrix[fit], rows.happened[fit], (rows.matrix[held], rows.happened[held]), goal)
    return trees, trees.predict(rows.matrix[held]), rows.happened[held]


def _measure_probabilities(rows: _Rows, test: _Rows, plan: FeaturePlan) -> dict[str, Any]:
    trees, said, did = _grow(rows, Goal.PROBABILITY)
    calibrator = choose_calibrator(said, did)
    raw = trees.predict(test.matrix)
    plain = fit_regression(rows.matrix, rows.happened, plan.find_baseline())
    found = {"trees": calibrator.apply(raw), "baseline": plain.predict(test.matrix)}
    losses = {name: measure_losses(values, test.happened) for name, values in found.items()}
    beats = is_better(losses["trees"], losses["baseline"])
    used = "trees" if beats else "baseline"
    prior = measure_losses(np.full(len(test.happened), rows.happened.mean()), test.happened)
    auc = measure_auc(found[used], test.happened)
    return {
        "used": used,
        "beats_baseline": beats,
        "quality": str(judge(auc, AUC_STEPS, is_useful=bool(losses[used].mean() < prior.mean()))),
        "base_rate": float(test.happened.mean()),
        "prior_log_loss": float(prior.mean()),
        "is_calibrated": bool(calibrator.points),
        "uncalibrated_error": measure_calibration_error(sort_into_bins(raw, test.happened)),
        **{name: _describe_probabilities(values, losses[name], test.happened) for name, values in found.items()},
    }


def _describe_probabilities(values: Floats, losses: Floats, happened: Floats) -> dict[str, Any]:
    bins = sort_into_bins(values, happened)
    return {
        "auc": measure_auc(values, happened),
        "log_loss": float(losses.mean()),
        "lift": measure_lift(values, happened),
        "calibration_error": measure_calibration_error(bins),
        "bins": [asdict(each) for each in bins],
    }


def _measure_amounts(rows: _Rows, test: _Rows, plan: FeaturePlan) -> dict[str, Any]:
    trees, _, _ = _grow(rows, Goal.AMOUNT)
    found = {"trees": trees.predict(test.matrix), "baseline": test.matrix[:, -1]}
    errors = {name: np.abs(values - test.happened) for name, values in found.items()}
    beats = is_better(errors["trees"], errors["baseline"])
    used = "trees" if beats else "baseline"
    constant = np.abs(rows.happened.mean() - test.happened)
    rank = measure_rank_correlation(found[used], test.happened)
    return {
        "used": used,
        "beats_baseline": beats,
        "quality": str(judge(rank, RANK_STEPS, is_useful=bool(errors[used].mean() < constant.mean()))),
        "mean_amount": float(test.happened.mean()),
        "prior_error": float(constant.mean()),
        **{name: _describe_amounts(values, test.happened) for name, values in found.items()},
    }


def _describe_amounts(values: Floats, happened: Floats) -> dict[str, Any]:
    return {
        "mean_absolute_error": float(np.abs(values - happened).mean()),
        "rank_correlation": measure_rank_correlation(values, happened),
        "lift": measure_lift(values, happened),
        "bias": float(values.sum() / happened.sum()) if happened.sum() else None,
        "bins": [asdict(each) for each in sort_into_bins(values, happened)],
    }


def _learn_finally(rows: _Rows, plan: FeaturePlan, tested: dict[str, Any], is_amount: bool) -> Learned:
    if tested["used"] == "baseline":
        plain = None if is_amount else fit_regression(rows.matrix, rows.happened, plan.find_baseline())
        return Learned(plan, plain, Calibrator(), is_amount)
    trees, said, did = _grow(rows, Goal.AMOUNT if is_amount else Goal.PROBABILITY)
    calibrator = choose_calibrator(said, did) if tested.get("is_calibrated") else Calibrator()
    return Learned(plan, trees, calibrator, is_amount)


def _refuse_leakage(rows: _Rows, plan: FeaturePlan, definition: PredictionDefinition) -> None:
    """Refuse a column that by itself tells who will do it: no honest one does."""
    if definition.kind is PredictionKind.LIFETIME_VALUE:
        return
    for column, feature in enumerate(plan.list_features()):
        values = np.nan_to_num(rows.matrix[:, column], nan=-1.0)
        auc = measure_auc(values, rows.happened)
        if max(auc, 1 - auc) > LEAKING_AUC:
            raise LeakageSuspected(
                f"{_name(feature, definition)} alone tells who will do it, which nothing known before can"
                f" (AUC {max(auc, 1 - auc):.3f}).",
                hint="It was probably written afterwards with an earlier time. Leave it out, or correct its time.",
                context={"feature": feature.name or feature.subject, "measure": feature.measure, "auc": auc},
            )


def _name(feature: Feature, definition: PredictionDefinition) -> str:
    kinds = {"trait": f"The trait {feature.name!r}", "event": f"The event {feature.name!r}"}
    return kinds.get(feature.subject, f"How {definition.target_label} happened before")
