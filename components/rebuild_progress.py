"""How far the profiles of a space are built again."""

from __future__ import annotations

import streamlit as st

from components.build_failure import draw_failure
from components.progress import Progress, draw_progress
from core.profiles.build import find_rebuild
from core.profiles.failures import BuildFailure
from core.workspaces.workspace import Workspace


def draw_rebuild(workspace: Workspace, space_id: str, failure: BuildFailure | None) -> None:
    """Draw a rebuild that is on its way, or why it does not get on."""
    with st.container(border=True):
        if failure is not None:
            st.markdown(":material/restart_alt: **All profiles are to be built again, and that failed.**")
            draw_failure(failure, lambda: _read_failure(workspace, space_id))
            st.caption(
                "It is tried again every minute. Until then everybody is found as before, and new messages count."
            )
            return
        st.markdown(":material/restart_alt: All profiles are being built again.")
        draw_progress(lambda: _read_progress(workspace, space_id), key=f"rebuild_{space_id}")
        st.caption("You can leave this page. Until the end everybody is found as before, and new messages count.")


def _read_failure(workspace: Workspace, space_id: str) -> BuildFailure | None:
    found = find_rebuild(workspace, space_id)
    return None if found is None else found.failure


def _read_progress(workspace: Workspace, space_id: str) -> Progress:
    found = find_rebuild(workspace, space_id)
    if found is None or found.failure is not None:
        return Progress("", is_finished=True)
    if not found.done:
        return Progress("Waiting for the worker")
    if found.done >= found.total:
        return Progress("Writing what differs", found.done, found.total, noun="message")
    return Progress("Building again", found.done, found.total, noun="message")
