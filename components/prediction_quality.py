"""How good a prediction was on time it had not seen, what weighs most in it, and how its scores drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from components.format import NONE, format_count, format_number, format_share
from components.prediction_words import MEASURES, QUALITY_COLORS, QUALITY_WORDS
from core.predictions.prediction import Prediction, PredictionKind

PREDICTED_COLOR, OBSERVED_COLOR = "#A5B4FC", "#6366F1"
HEIGHT_PX = 260
STABLE, DRIFTED = 0.1, 0.25
_SUBJECTS = {
    "activity": "All events together",
    "target": "The predicted event itself",
    "value": "Purchases alone (BG/NBD and Gamma-Gamma)",
}


def draw_quality(prediction: Prediction) -> None:
    """Draw the quality in a word, its measures with what they mean, calibration, lift, and the baseline."""
    report = prediction.report
    used = report[report["used"]]
    is_amount = prediction.kind is PredictionKind.LIFETIME_VALUE
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"{report['quality']} quality", color=QUALITY_COLORS[report["quality"]])
        st.markdown(QUALITY_WORDS[report["quality"]], width="stretch")
    names = ("rank_correlation", "mean_absolute_error", "lift") if is_amount else ("auc", "log_loss", "lift")
    with st.grid(min_column_width=210):
        for name in names:
            label, words = MEASURES[name]
            with st.container(border=True, height="stretch"):
                unit = f" {prediction.definition.currency}" if name == "mean_absolute_error" else ""
                st.metric(label, f"{_number(used[name])}{unit}")
                st.caption(words)
    st.caption(
        f"Measured on {format_count(report['tested_on'], 'customer')} in the newest"
        f" {prediction.definition.window_days} days, which the training had not seen; it had learned from"
        f" {format_count(report['trained_on'], 'earlier case')}."
    )
    _draw_baseline(report, is_amount)
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_calibration(used["bins"], is_amount, prediction.definition.currency)
        _tell_calibration(report, is_amount)
    with right:
        _draw_lift(used["bins"])


def draw_weights(prediction: Prediction) -> None:
    """Draw which events and traits weigh most over everybody."""
    top = prediction.report["top"]
    st.caption("How much each event or trait moves the prediction, over everybody together. It does not say which way.")
    names = [_SUBJECTS.get(each["subject"]) or each["name"] for each in top]
    st.dataframe(
        pd.DataFrame({"Event or trait": names, "Share": [each["share"] * 100 for each in top]}),
        hide_index=True,
        column_config={"Share": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)},
        alt="Events and traits that weigh most, with their share",
    )


def draw_history(prediction: Prediction) -> None:
    """Draw how the scores have changed since the training, once there is more than one scoring."""
    report = prediction.report
    history = report.get("history", [])
    if len(history) < 2:
        st.caption("The chart begins with the second scoring, after seven days, or after one where that is asked for.")
        return
    drift = report["drift"]
    state = "stable" if drift < STABLE else "shifting" if drift < DRIFTED else "no longer those that the training knew"
    st.markdown(f"Customers are **{state}**: the population stability index is {_number(drift)}.")
    st.caption(f"Below {STABLE} nothing has changed; above {DRIFTED}, train again.")
    frame = pd.DataFrame(
        {
            "Scored": [datetime.fromisoformat(each["at"]).date() for each in history],
            "Drift": [each["drift"] for each in history],
        }
    )
    st.line_chart(
        frame, x="Scored", y="Drift", color=OBSERVED_COLOR, height=HEIGHT_PX, alt="Drift of the scores over time"
    )


def _draw_baseline(report: dict[str, Any], is_amount: bool) -> None:
    plain = "what purchases alone let expect" if is_amount else "a plain regression on recency and frequency"
    if report["beats_baseline"]:
        st.success(f"Gradient-boosted trees are used: they beat {plain}.", icon=":material/trending_up:")
    else:
        st.info(
            f"Gradient-boosted trees did not beat {plain} by more than chance, so the plain one is used.",
            icon=":material/balance:",
        )
    names = ("mean_absolute_error", "rank_correlation", "lift", "bias") if is_amount else tuple(_PROBABILITY_MEASURES)
    rows = {"Trees": report["trees"], "Plain baseline": report["baseline"]}
    nothing = {"mean_absolute_error": report["prior_error"]} if is_amount else {"log_loss": report["prior_log_loss"]}
    rows["The same for everybody"] = nothing
    with st.expander("Compare them"):
        st.dataframe(
            pd.DataFrame(
                {
                    "": list(rows),
                    **{
                        MEASURES.get(name, ("Sum, of what was spent", ""))[0]: [
                            _number(row.get(name)) for row in rows.values()
                        ]
                        for name in names
                    },
                }
            ),
            hide_index=True,
            alt="Measures of the trees, of the plain baseline and of no prediction at all",
        )


def _draw_calibration(bins: Sequence[dict[str, Any]], is_amount: bool, currency: str) -> None:
    st.markdown("**Does it mean what it says?**")
    factor = 1.0 if is_amount else 100.0
    unit = f"{currency} a customer" if is_amount else "per cent"
    frame = pd.DataFrame(
        {
            "Tenth": [str(number) for number in range(1, len(bins) + 1)],
            "Predicted": [each["predicted"] * factor for each in bins],
            "What happened": [each["observed"] * factor for each in bins],
        }
    )
    st.bar_chart(
        frame,
        x="Tenth",
        y=["Predicted", "What happened"],
        x_label="Tenths of customers, lowest predictions first",
        y_label=unit,
        color=[PREDICTED_COLOR, OBSERVED_COLOR],
        stack=False,
        sort=False,
        height=HEIGHT_PX,
        alt="Predicted and observed values by tenths of customers",
    )


def _tell_calibration(report: dict[str, Any], is_amount: bool) -> None:
    if is_amount:
        bias = report[report["used"]].get("bias")
        if bias is not None:
            st.caption(f"All expected amounts together were {format_share(bias)} of what was spent.")
        return
    error = report[report["used"]]["calibration_error"]
    how = (
        "calibrated by an isotonic curve, which paid on people it was not fitted to" if report["is_calibrated"] else ""
    )
    how = how or "used as they come: an isotonic curve did not make them truer"
    st.caption(f"Chances are off by {format_share(error)} on average; they are {how}.")


def _draw_lift(bins: Sequence[dict[str, Any]]) -> None:
    st.markdown("**What is the order worth?**")
    people = sum(each["people"] for each in bins)
    mean = sum(each["observed"] * each["people"] for each in bins) / people if people else 0.0
    frame = pd.DataFrame(
        {
            "Tenth": [str(number) for number in range(1, len(bins) + 1)],
            "Lift": [each["observed"] / mean if mean else 0.0 for each in reversed(bins)],
        }
    )
    st.bar_chart(
        frame,
        x="Tenth",
        y="Lift",
        x_label="Tenths of customers, highest predictions first",
        y_label="times the average",
        color=OBSERVED_COLOR,
        sort=False,
        height=HEIGHT_PX,
        alt="Lift by tenths of customers, highest predictions first",
    )
    st.caption("1 is what choosing customers by chance would give.")


def _number(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.2f}" if abs(value) < 10 else format_number(round(value))


_PROBABILITY_MEASURES = ("auc", "log_loss", "lift", "calibration_error")
