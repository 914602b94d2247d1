"""One prediction on the screen: its training as it goes, how good it is, what weighs most, people, drift, settings."""

from __future__ import annotations

import streamlit as st

from components.address import draw_views, forget
from components.confirm import confirm
from components.error_panel import draw_stored_error, error_panel
from components.format import format_ago, format_count, format_duration, format_time
from components.plain_text import draw_heading, escape_markdown
from components.prediction_form import draw_requirements
from components.prediction_people import draw_people
from components.prediction_quality import draw_history, draw_quality, draw_weights
from components.prediction_words import describe_estimate, describe_state, describe_target
from components.progress import Progress, draw_progress
from core.events.message import parse_time
from core.predictions.choices import estimate_training
from core.predictions.prediction import Job, Prediction, PredictionState
from core.predictions.requirements import Requirement, Requirements
from core.predictions.run import RETRAIN_DAYS
from core.predictions.store import delete_prediction, get_prediction, list_predictions, request_job
from core.workspaces.workspace import Workspace

WAITING_TOO_LONG_S = 20
_VIEWS = {
    "quality": "How good it is",
    "weights": "What weighs most",
    "people": "People",
    "history": "Over time",
    "settings": "Settings",
}


def draw_prediction(workspace: Workspace, prediction: Prediction) -> None:
    """Draw the whole page of one prediction."""
    draw_heading(prediction.name)
    label, color = describe_state(prediction)
    with st.container(horizontal=True, vertical_alignment="center"):
        if prediction.job is None or prediction.trained_at is not None:  # else the progress below says it, and keeps up
            st.badge(label, color=color)
        st.caption(_describe_times(workspace, prediction), width="stretch")
    st.markdown(f":gray[{describe_target(prediction.definition)}]")
    if prediction.job is not None:
        _watch(workspace, prediction)
    if prediction.state is PredictionState.FAILED and prediction.error:
        draw_stored_error(prediction.error)
        if st.button("Try again", icon=":material/refresh:", type="primary", key="prediction_again"):
            with error_panel("asking for the training"):
                request_job(workspace, prediction.id, Job.TRAIN)
                st.rerun()
    if prediction.trained_at is None:
        st.divider()
        _draw_settings(workspace, prediction)
        return
    view = draw_views(_VIEWS, name="view")
    if view == "weights":
        draw_weights(prediction)
    elif view == "people":
        draw_people(workspace, prediction)
    elif view == "history":
        draw_history(prediction)
    elif view == "settings":
        _draw_settings(workspace, prediction)
    else:
        draw_quality(prediction)


def _watch(workspace: Workspace, prediction: Prediction) -> None:
    asked_at = prediction.requested_at or prediction.created_at
    waited_s = (workspace.now() - asked_at).total_seconds()
    if "problem" in prediction.progress:
        again = format_ago(parse_time(prediction.progress["again_at"]), workspace.now())
        problem = escape_markdown(prediction.progress["problem"])
        st.warning(
            f"It did not come to its end: {problem}. It is tried again {again}.",
            icon=":material/sync_problem:",
        )
    elif prediction.started_at is None and waited_s > WAITING_TOO_LONG_S:
        st.warning(
            f"Nothing has started this for {format_duration(waited_s)}. Is the worker running? Where the server runs"
            " with `ONRAMP_WORKER=off`, start `python -m core worker`.",
            icon=":material/hourglass_empty:",
        )
    if prediction.trained_at is None:
        others = [each for each in list_predictions(workspace) if each.id != prediction.id]
        st.caption(describe_estimate(estimate_training(workspace, others)) + " You can leave this page; it goes on.")
    draw_progress(lambda: _read_progress(workspace, prediction), key=f"job_{prediction.id}")


def _read_progress(workspace: Workspace, before: Prediction) -> Progress:
    """Return how far the job is; finished, so that the page is drawn anew, also where it was started or put off."""
    now = get_prediction(workspace, before.id)
    is_finished = now.job is None or (now.number, now.attempts) != (before.number, before.attempts)
    if "step" not in now.progress:
        return Progress("Waiting to start", is_finished=is_finished)
    step = str(now.progress["step"]).capitalize()
    return Progress(step, now.progress["done"], now.progress["total"], noun="step", is_finished=is_finished)


def _describe_times(workspace: Workspace, prediction: Prediction) -> str:
    parts, now = [], workspace.now()
    if prediction.trained_at is not None:
        parts.append(f"trained {format_ago(prediction.trained_at, now)}")
    if prediction.scored_at is not None:
        people = format_count(prediction.report.get("scored"), "customer")
        parts.append(f"{people} scored {format_ago(prediction.scored_at, now)}")
    if prediction.rescore_at is not None:
        parts.append(f"scored again {format_ago(prediction.rescore_at, now)}")
    return " · ".join(parts)


def _draw_settings(workspace: Workspace, prediction: Prediction) -> None:
    definition, report = prediction.definition, prediction.report
    left_out = ", ".join((*definition.excluded_events, *definition.excluded_traits))
    facts = [
        f"Trait on each profile: `{prediction.key}`, 0 to 1: the share of customers placed no higher."
        " 0.85 is the top 15 %.",
        f"Trained again every {RETRAIN_DAYS} days; people are scored "
        + ("every day." if prediction.score_every_days == 1 else f"every {prediction.score_every_days} days."),
        f"Set up {format_time(prediction.created_at)}.",
    ]
    facts += [f"Left out: {escape_markdown(left_out)}."] if left_out else []
    st.markdown("\n".join(f"- {fact}" for fact in facts))
    st.caption("A prediction cannot be edited: scores of two definitions under one name would mean two things.")
    if report:
        with st.expander("What it needed and what there was"):
            found = report["requirements"]
            items = tuple(Requirement(**item) for item in found["items"])
            draw_requirements(Requirements(items, found["messages"], tuple(found["notes"])))
    is_busy = prediction.job is not None
    with st.container(horizontal=True):
        for job, label, icon in (
            (Job.TRAIN, "Train again now", ":material/model_training:"),
            (Job.SCORE, "Score people now", ":material/speed:"),
        ):
            if prediction.trained_at is not None and st.button(
                label, icon=icon, disabled=is_busy, key=f"prediction_{job}"
            ):
                with error_panel("asking for it"):
                    request_job(workspace, prediction.id, job)
                    st.rerun()
        if st.button("Delete …", type="tertiary", key="prediction_delete"):
            confirm(
                f"Delete {escape_markdown(prediction.name)}?",
                f"Nobody is scored any more. The scores so far stay on the profiles as the trait `{prediction.key}`.",
                lambda: _delete(workspace, prediction),
                confirm_label="Delete",
            )


def _delete(workspace: Workspace, prediction: Prediction) -> None:
    delete_prediction(workspace, prediction.id)
    forget("prediction", "view")
