"""Where the rows of a sync are compared, why there, and moving it; nothing is sent again either way."""

from __future__ import annotations

import streamlit as st

from components.confirm import confirm
from components.format import format_count
from components.plain_text import escape_markdown
from core.errors import RunInProgress
from core.syncs.state_place import StatePlace, StateReport, move_state, read_state_place
from core.syncs.sync import Sync
from core.workspaces.workspace import Workspace

_PLACES = {StatePlace.WAREHOUSE: "In the warehouse", StatePlace.LOCAL: "Here"}
_MOVES = {StatePlace.WAREHOUSE: "Compare in the warehouse", StatePlace.LOCAL: "Compare here"}
_CONSEQUENCES = {
    StatePlace.WAREHOUSE: (
        "The warehouse gets a copy of what was acknowledged, as keys and prints, in its schema `__onramp`. The next run"
        " reads every row once; from then on only rows that differ leave it."
    ),
    StatePlace.LOCAL: (
        "The copy in the warehouse's schema `__onramp` is dropped. From then on every run reads every row and compares"
        " it here, with what is kept beside the workspace."
    ),
}


def draw_state(workspace: Workspace, sync: Sync) -> None:
    """Draw where the rows are compared and why, and the button that moves it."""
    with st.container(border=True):
        try:
            report = read_state_place(workspace, sync.id)
        except RunInProgress:  # whoever is at work holds the state; there is nothing to mend
            st.markdown("**Where rows are compared**")
            st.caption("A run is at work. It is shown here when the run is over.")
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Where rows are compared**")
            is_inside = report.now is StatePlace.WAREHOUSE
            st.badge(_PLACES[report.now], color="green" if is_inside else "gray")
        st.caption(
            f"{escape_markdown(report.detail)} {format_count(report.acknowledged, 'record')}"
            f" {'is' if report.acknowledged == 1 else 'are'} acknowledged."
        )
        if report.grant:
            st.caption("What its owner runs to allow it:")
            st.code(report.grant, language=None, wrap_lines=True)
        if report.can_move:
            _draw_move(workspace, sync, report)


def _draw_move(workspace: Workspace, sync: Sync, report: StateReport) -> None:
    is_here = report.chosen is StatePlace.LOCAL
    place = StatePlace.WAREHOUSE if is_here else StatePlace.LOCAL
    icon = ":material/database:" if is_here else ":material/home_storage:"
    with st.container(horizontal=True):
        if st.button(f"{_MOVES[place]} …", icon=icon, key="move_state"):
            _ask_for_move(workspace, sync, place)
        if report.is_held_up and st.button("Try the warehouse again …", icon=":material/refresh:", key="retry_state"):
            _ask_for_move(workspace, sync, StatePlace.WAREHOUSE)


def _ask_for_move(workspace: Workspace, sync: Sync, place: StatePlace) -> None:
    def move() -> None:
        with st.spinner("Moving …"):
            move_state(workspace, sync.id, place)
        st.toast("Moved. Nothing is sent again.", icon=":material/check:")

    confirm(
        f"{_MOVES[place]}?",
        f"{_CONSEQUENCES[place]}\n\n**Nothing is sent again.**",
        move,
        confirm_label=_MOVES[place],
    )
