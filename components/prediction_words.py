"""The words of predictions: states, kinds, measures. One place for the wizard and the predictions page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Literal

from components.format import format_count, format_duration
from components.plain_text import escape_markdown
from components.trait_words import describe_condition
from core.predictions.choices import TrainingEstimate
from core.predictions.prediction import Prediction, PredictionDefinition, PredictionKind, PredictionState

Color = Literal["gray", "blue", "green", "red", "orange"]

_STATES: Mapping[PredictionState, tuple[str, Color]] = MappingProxyType(
    {
        PredictionState.WAITING: ("Waiting to start", "gray"),
        PredictionState.IN_PROGRESS: ("In progress", "blue"),
        PredictionState.READY: ("Ready", "green"),
        PredictionState.FAILED: ("Failed", "red"),
    }
)
QUALITY_COLORS: Mapping[str, Color] = MappingProxyType(
    {"Poor": "red", "Fair": "orange", "Good": "green", "Excellent": "green"}
)
QUALITY_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "Poor": "It is hardly better than guessing. Do not act on it.",
        "Fair": "It is better than guessing. Use it to decide where to look first.",
        "Good": "It puts people in a useful order.",
        "Excellent": "It puts people in a very reliable order.",
    }
)
MEASURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "auc": ("AUC", "How often somebody who did it stands above somebody who did not. 0.5 is chance, 1 is perfect."),
        "log_loss": ("Log loss", "How far the chances are from what happened. Lower is better."),
        "lift": ("Lift", "How much more happens among the top tenth than among all. 1 is no more."),
        "calibration_error": ("Calibration error", "How far a stated chance is from the real share, on average."),
        "mean_absolute_error": ("Mean error", "How far the expected amount is from what was spent. Lower is better."),
        "rank_correlation": ("Rank correlation", "How well people are put in order. 0 is chance, 1 is perfect."),
    }
)


def describe_state(prediction: Prediction) -> tuple[str, Color]:
    """Return the state in words, and its colour."""
    return _STATES[prediction.state]


def describe_target(definition: PredictionDefinition) -> str:
    """Return what is predicted, in a sentence."""
    target, days = escape_markdown(definition.target_label), definition.window_days
    where = [describe_condition(asdict(each.condition)) for each in definition.targets if each.condition is not None]
    only = f" where {escape_markdown(' or '.join(dict.fromkeys(where)))}" if where else ""
    if definition.kind is PredictionKind.LIFETIME_VALUE:
        amount = escape_markdown(definition.amount_property or "")
        return f"What each customer with two purchases will spend in {days} days: {amount} of {target}{only}."
    if definition.kind is PredictionKind.CHURN:
        at_least = "" if definition.minimum == 1 else f" at least {definition.minimum} times"
        if definition.performs:
            return f"Who of those active in the last {days} days will do {target}{only}{at_least} in the next {days}."
        return f"Who did {target}{only} in the last {days} days and will not do it{at_least} in the next {days}."
    return f"Who will do {target}{only} in the next {days} days."


def describe_estimate(estimate: TrainingEstimate) -> str:
    """Return how long a training will take, and what that goes by."""
    about = format_duration(max(5.0, round(estimate.seconds / 5) * 5.0))
    what = f"The training reads {format_count(estimate.messages, 'event')} and takes about {about}"
    if estimate.is_learned:
        return f"{what}, going by the slowest one so far."
    return f"{what} on a machine with two processors that does little else."
