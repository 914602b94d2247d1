"""Undos that the worker does: how far each has come, or why it failed."""

from __future__ import annotations

import streamlit as st

from components.error_panel import draw_stored_error
from components.progress import Progress, draw_progress
from core.profiles.split_plan import Act
from core.profiles.undo_jobs import UndoJob, cancel_undo, list_undo_jobs, request_undo
from core.workspaces.workspace import Workspace

_WHAT = {Act.UNDO: "The merge of `{}` and `{}` is being undone", Act.REJOIN: "`{}` and `{}` are being joined again"}


def draw_undo_jobs(workspace: Workspace, space_id: str) -> None:
    """Draw every undo of the space that is not done."""
    for job in list_undo_jobs(workspace, space_id):
        with st.container(border=True):
            st.markdown(f":material/call_split: {_WHAT[job.act].format(job.survivor_id, job.merged_id)}.")
            draw_undo_job(workspace, job)


def draw_undo_job(workspace: Workspace, job: UndoJob) -> None:
    """Draw how far it has come, with a way to end it; or its failure, with another try."""
    key = f"undo_job_{job.survivor_id}_{job.merged_id}"

    def cancel() -> None:
        cancel_undo(workspace, job)
        st.rerun()

    if job.error is None:
        draw_progress(lambda: _read_progress(workspace, job), key=key, on_cancel=cancel)
        st.caption("You can leave this page. Until the end nothing changes, and everybody can be looked up meanwhile.")
        return
    draw_stored_error(job.error)
    with st.container(horizontal=True):
        if st.button("Try again", key=f"{key}_retry", icon=":material/refresh:"):
            request_undo(workspace, job.space_id, job.act, job.survivor_id, job.merged_id)
            st.rerun()
        if st.button("Leave it", key=f"{key}_leave", icon=":material/close:"):
            cancel()


def _read_progress(workspace: Workspace, job: UndoJob) -> Progress:
    key = job.survivor_id, job.merged_id
    jobs = {(each.survivor_id, each.merged_id): each for each in list_undo_jobs(workspace, job.space_id)}
    now = jobs.get(key)
    if now is None or now.error is not None:
        return Progress("", is_finished=True)
    if not now.starts:
        return Progress("Waiting for the worker")
    told = now.progress
    if told.total is None:
        return Progress("Finding who hangs together", told.read, noun="message")
    return Progress("Building again", told.applied, told.total, noun="message")
