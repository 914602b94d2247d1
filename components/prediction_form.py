"""The form that sets up a prediction: what is predicted, what it needs, then the training."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.address import forget, keep
from components.error_panel import error_panel
from components.plain_text import escape_markdown
from components.prediction_words import describe_estimate
from components.state import PREDICTION_CHECK
from components.trait_conditions import draw_condition
from core.events.event_log import open_event_log
from core.events.message import MessageType
from core.predictions.choices import EventProperty, estimate_training, list_event_properties
from core.predictions.features import MAX_EVENTS, MAX_TRAITS
from core.predictions.prediction import (
    DEFAULT_CURRENCY,
    MAX_MINIMUM,
    MAX_TARGETS,
    SCORE_EVERY_DAYS,
    WINDOWS_DAYS,
    KindDefinition,
    PredictionKind,
    parse_definition,
)
from core.predictions.requirements import Requirements, check_requirements
from core.predictions.store import list_predictions
from core.setup.entitled import create_entitled_prediction
from core.traits.suggest import list_event_names
from core.workspaces.spaces import Space
from core.workspaces.workspace import Workspace

_AMOUNTS = ("revenue", "total", "amount", "value", "price")


def draw_prediction_form(workspace: Workspace, space: Space, kind: KindDefinition) -> None:
    """Draw the form of one kind, the requirements once they were asked for, and **Train** where they are met."""
    names = list_event_names(open_event_log(workspace), workspace.now(), MessageType.TRACK)
    st.subheader(kind.label, anchor=False)
    st.markdown(f":gray[{kind.question}]")
    with st.container(border=True):
        document = _draw_fields(workspace, kind, names)
        name = st.text_input("Name", value=kind.label, key="prediction_name", max_chars=80)
        is_daily = st.checkbox("Score people every day instead of every seven days", key="prediction_daily")
    asked = {"kind": str(kind.kind), "document": document}
    with st.container(horizontal=True):
        if st.button("Check requirements", key="prediction_check", icon=":material/checklist:", type="primary"):
            with error_panel("checking the requirements") as attempt, st.spinner("Reading the event log …"):
                definition = parse_definition(kind.kind, document)
                found = check_requirements(workspace, space.id, definition, workspace.now())
                PREDICTION_CHECK.write((asked, found))
            if attempt.failed:
                PREDICTION_CHECK.clear()
        if st.button("Cancel", key="prediction_cancel", type="tertiary"):
            PREDICTION_CHECK.clear()
            forget("new")
            st.rerun()
    checked = PREDICTION_CHECK.read()
    if checked is None or checked[0] != asked:
        st.caption("Nothing is trained before the requirements are checked: what is missing is told with its numbers.")
        return
    _draw_checked(workspace, checked[1])
    if not checked[1].are_met:
        return
    if st.button("Train", key="prediction_train", icon=":material/model_training:", type="primary"):
        with error_panel("making the prediction"), st.spinner("Checking once more …"):
            made = create_entitled_prediction(
                workspace, space.id, kind.kind, document, name=name, score_every_days=SCORE_EVERY_DAYS[is_daily]
            )
            PREDICTION_CHECK.clear()
            forget("new")
            keep("prediction", made.id)
            st.rerun()


def draw_requirements(found: Requirements) -> None:
    """Draw each requirement with its numbers: what cannot be done without, then advice."""
    for item in found.items:
        icon = ":green[:material/check_circle:]" if item.is_met else ":orange[:material/info:]"
        if not item.is_met and item.is_hard:
            icon = ":red[:material/cancel:]"
        st.markdown(f"{icon} {escape_markdown(item.sentence)}")
    for note in found.notes:
        st.markdown(f":orange[:material/info:] {escape_markdown(note)}")


def _draw_checked(workspace: Workspace, found: Requirements) -> None:
    if found.are_met:
        st.success("There is enough to learn from.", icon=":material/check:")
    else:
        st.error("There is not enough to learn from yet. Nothing was made.", icon=":material/block:")
    draw_requirements(found)
    if found.are_met:
        st.caption(describe_estimate(estimate_training(workspace, list_predictions(workspace))))


def _draw_fields(workspace: Workspace, kind: KindDefinition, names: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    is_churn, is_amount = kind.kind is PredictionKind.CHURN, kind.kind is PredictionKind.LIFETIME_VALUE
    events = st.multiselect(
        "Purchase event" if is_amount or kind.kind is PredictionKind.PURCHASE else "Event",
        names,
        default=[kind.event] if kind.event in names else [],
        max_selections=MAX_TARGETS,
        placeholder="Choose an event; with two, either of them counts",
        key="prediction_events",
    )
    if is_churn:
        document |= _draw_churn(bool(events))
    window = st.segmented_control(
        "Days ahead",
        WINDOWS_DAYS,
        default=kind.window_days,
        required=True,
        key="prediction_window",
        help="For churn also how far back somebody counts as active." if is_churn else None,
    )
    properties = _list_properties(workspace, events)
    if is_amount:
        document |= _draw_amount(properties)
    condition = _draw_condition([each.name for each in properties])
    with st.expander("Leave events or traits out"):
        st.caption(
            f"The training looks at the {MAX_EVENTS} events and {MAX_TRAITS} traits that most customers have."
            " What is left out makes room for others."
        )
        excluded = st.multiselect("Events that shall teach nothing", names, key="prediction_excluded_events")
        traits = st.multiselect(
            "Traits that shall teach nothing",
            [],
            accept_new_options=True,
            placeholder="Type a trait's key",
            key="prediction_excluded_traits",
        )
    return document | {
        "window_days": window,
        "targets": [{"event": event, **condition} for event in events],
        "excluded_events": list(excluded),
        "excluded_traits": list(traits),
    }


def _draw_churn(has_event: bool) -> dict[str, Any]:
    performs = st.radio(
        "Somebody has churned who in the coming days",
        [False, True],
        format_func=lambda does: "performs the event" if does else "does not perform the event",
        horizontal=True,
        key="prediction_performs",
    )
    minimum = st.number_input(
        "at least this many times", 1, MAX_MINIMUM, 1, key="prediction_minimum", disabled=not has_event, width=220
    )
    return {"performs": performs, "minimum": int(minimum)}


def _draw_amount(properties: list[EventProperty]) -> dict[str, Any]:
    numbers = [each.name for each in properties if each.is_number]
    usual = next((name for name in _AMOUNTS if name in numbers), None)
    left, right = st.columns([3, 1])
    amount = left.selectbox(
        "Property that holds the amount",
        numbers,
        index=numbers.index(usual) if usual else None,
        accept_new_options=True,
        placeholder="Choose or type a property",
        key="prediction_amount",
    )
    currency = right.text_input("Currency", value=DEFAULT_CURRENCY, max_chars=3, key="prediction_currency")
    return {"amount_property": amount, "currency": currency}


def _draw_condition(properties: list[str]) -> dict[str, Any]:
    with st.expander("Only events with a certain property"), st.container(horizontal=True, vertical_alignment="bottom"):
        condition = draw_condition("prediction", {}, properties)
    return condition if condition["property"] else {}


def _list_properties(workspace: Workspace, events: list[str]) -> list[EventProperty]:
    found: dict[str, EventProperty] = {}
    for event in events:
        found |= {each.name: each for each in list_event_properties(workspace, event) if each.name not in found}
    return list(found.values())
