"""The predictions of a space, and the kinds that can be set up."""

from __future__ import annotations

import streamlit as st

from components.address import keep
from components.empty_state import draw_empty_state
from components.format import format_ago, format_count
from components.navigation import go_to
from components.plain_text import escape_markdown
from components.prediction_words import QUALITY_COLORS, describe_state, describe_target
from core.predictions.choices import has_events
from core.predictions.prediction import KINDS, Prediction, PredictionState
from core.predictions.store import list_predictions
from core.setup.entitlements import Entitled, get_usage
from core.workspaces.spaces import Space
from core.workspaces.workspace import Workspace

NO_EVENTS = "No event of a customer has arrived yet. Predictions learn from events, so data must flow first."


def draw_prediction_list(workspace: Workspace, space: Space) -> None:
    """Draw each prediction with its state, then the kinds to set up, with the reason where one cannot be."""
    usage = get_usage(workspace, Entitled.PREDICTIONS)
    found = list_predictions(workspace, space.id)
    st.caption(f"{usage.sentence} Each puts a score on every customer it can tell something about.")
    for prediction in found:
        _draw_prediction(workspace, prediction)
    events = has_events(workspace, space.id)
    if not events and not found:
        if draw_empty_state(
            ":material/online_prediction:", "No events yet", NO_EVENTS, action="Go to the overview", key="no_events"
        ):
            go_to("overview")
        return
    st.subheader("Set up a prediction", anchor=False)
    reason = "" if events else NO_EVENTS
    if not usage.remaining:
        reason = f"{usage.sentence} Delete one to make another."
    if reason:
        st.caption(reason)
    with st.grid(2, min_column_width=230):
        for kind in KINDS:
            with st.container(border=True, height="stretch", key=f"kind_{kind.kind}"):
                recommended = " :green-badge[Recommended]" if kind.is_recommended else ""
                with st.container(height="stretch", gap="xsmall"):
                    st.markdown(f"**{kind.label}**{recommended}")
                    st.markdown(f":gray[{kind.question}]")
                if st.button(
                    "Set up", key=f"set_up_{kind.kind}", disabled=bool(reason), help=reason or None, width="stretch"
                ):
                    keep("new", kind.kind)
                    st.rerun()


def _draw_prediction(workspace: Workspace, prediction: Prediction) -> None:
    label, color = describe_state(prediction)
    with st.container(border=True, key=f"prediction_{prediction.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(prediction.name)}**", width="content")
            st.badge(label, color=color)
            quality = prediction.report.get("quality")
            if quality and prediction.state is PredictionState.READY:
                st.badge(f"{quality} quality", color=QUALITY_COLORS[quality])
        st.markdown(f":gray[{describe_target(prediction.definition)}]")
        if prediction.scored_at is not None:
            people = format_count(prediction.report.get("scored"), "customer")
            st.caption(f"{people} scored {format_ago(prediction.scored_at, workspace.now())}")
        if st.button("Open", key=f"open_{prediction.id}", icon=":material/arrow_forward:"):
            keep("prediction", prediction.id)
            st.rerun()
