"""The two recommended predictions of step 3: each with **Complete setup**, or why it has to wait (W68-W70, W73)."""

from __future__ import annotations

import streamlit as st

from components.format import format_duration
from components.navigation import go_to
from components.prediction_list import NO_EVENTS
from components.prediction_words import describe_estimate, describe_state
from core.predictions.choices import EVENTS_PER_S, estimate_training, has_events
from core.predictions.prediction import KINDS
from core.predictions.store import list_predictions
from core.setup.entitlements import Entitled, get_usage
from core.workspaces.workspace import Workspace

MILLION = 1_000_000


def draw_predictive_traits(workspace: Workspace, space_id: str) -> None:
    """Draw the dropdown **Set up predictive traits**; optional, and open to be finished later."""
    found = {prediction.kind: prediction for prediction in list_predictions(workspace, space_id)}
    events = has_events(workspace, space_id)
    usage = get_usage(workspace, Entitled.PREDICTIONS)
    reason = NO_EVENTS if not events else "" if usage.remaining else usage.sentence
    with st.expander("Set up predictive traits", icon=":material/online_prediction:", expanded=bool(found)):
        st.caption("Optional; one or both. You can come back and finish this once data has arrived.")
        for kind in (each for each in KINDS if each.is_recommended):
            prediction = found.get(kind.kind)
            label, color = describe_state(prediction) if prediction else ("Not set up", "gray")
            with st.container(horizontal=True, vertical_alignment="center", key=f"predictive_{kind.kind}"):
                st.markdown(f"**{kind.label}**  \n:gray[{kind.question}]", width="stretch")
                st.badge(label, color=color)
                if prediction is not None:
                    if st.button("See it", key=f"see_{kind.kind}"):
                        go_to("predictions", prediction=prediction.id)
                elif st.button(
                    "Complete setup", key=f"complete_{kind.kind}", disabled=bool(reason), help=reason or None
                ):
                    go_to("predictions", new=kind.kind)
        if reason and any(kind.is_recommended and kind.kind not in found for kind in KINDS):
            st.caption(f":material/lock: {reason}")
        estimate = estimate_training(workspace, list(found.values()))
        growth = "" if estimate.is_learned else f" A million more add about {format_duration(MILLION / EVENTS_PER_S)}."
        st.caption(
            "Predictions learn from events, so data must flow before they can be set up. They need the events of three"
            " times their window, for example 90 days for a window of 30. Segment's product takes up to 48 hours then."
            f" Here: {describe_estimate(estimate)}{growth}"
        )
