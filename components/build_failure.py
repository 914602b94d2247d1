"""Why profiles do not get on, as long as that is so."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.error_panel import draw_stored_error, error_panel
from components.format import format_moment
from core.errors import InternalError
from core.profiles.build import find_failure
from core.profiles.failures import BuildFailure
from core.workspaces.workspace import Workspace

_LOOK_EVERY_S = 5.0


def draw_build_failure(workspace: Workspace, space_id: str) -> None:
    """Draw why new messages do not reach the profiles of the space; nothing where they do."""
    failure = find_failure(workspace, space_id)
    if failure is None:
        return
    with st.container(border=True):
        st.markdown(
            ":material/sync_problem: **Profiles are not kept up to date** since"
            f" {format_moment(failure.since)}. Nothing is lost: it is tried again and again, and then everything that"
            " has come meanwhile reaches them."
        )
        draw_failure(failure, lambda: find_failure(workspace, space_id))
        if failure.error["code"] == InternalError.code:
            st.caption("**Build all profiles again**, on the page Spaces, mends profiles that can no longer be read.")


def draw_failure(failure: BuildFailure, read: Callable[[], BuildFailure | None]) -> None:
    """Draw what failed, and the page anew as soon as it is over or something else fails."""
    draw_stored_error(failure.error)

    @st.fragment(run_every=_LOOK_EVERY_S)
    @error_panel("looking whether it gets on")
    def watch() -> None:
        now = read()
        if now is None or now.error["code"] != failure.error["code"]:  # the number of an incident is new each time
            st.rerun()

    watch()
