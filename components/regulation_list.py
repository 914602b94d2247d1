"""Regulations with their receipts, and who is suppressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from components.empty_state import draw_empty_state
from components.error_panel import draw_stored_error
from components.format import format_count, format_time
from components.plain_text import escape_markdown
from core.privacy.job import PLACES
from core.privacy.regulation import (
    LABELS,
    Regulation,
    RegulationKind,
    RegulationStatus,
    request_regulation,
    retry_regulation,
)
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace

_STATES: Mapping[str, tuple[str, str]] = {
    RegulationStatus.INITIALIZED: ("waits for a worker", "gray"),
    RegulationStatus.RUNNING: ("under way", "blue"),
    RegulationStatus.FINISHED: ("done", "green"),
    RegulationStatus.PARTIAL_SUCCESS: ("done; others mention a value", "orange"),
    RegulationStatus.FAILED: ("failed", "red"),
    RegulationStatus.INVALID: ("invalid", "red"),
    RegulationStatus.NOT_SUPPORTED: ("not supported", "red"),
}


def draw_regulations(workspace: Workspace, found: Sequence[Regulation]) -> None:
    """Draw each regulation: what, how far, what went where; a failed one with its reason and another try."""
    if not found:
        draw_empty_state(
            ":material/policy:",
            "Nobody was deleted or suppressed",
            "Open a person in the profile explorer, or name user ids here.",
        )
    for regulation in found:
        words, colour = _STATES[regulation.status]
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{LABELS[regulation.kind]}**")
                st.badge(words, color=colour)
            people = format_count(len(regulation.prints), "user id") if regulation.prints else "without a user id"
            st.caption(
                f"{format_time(regulation.requested_at)} · {people} · by {escape_markdown(regulation.requested_by)} · "
                f"`{regulation.id}`"
            )
            went = [f"{PLACES.get(place, place)}: {count:,}" for place, count in regulation.receipt.items() if count]
            if went:
                st.text(" · ".join(went))
            if regulation.error is not None:
                draw_stored_error(regulation.error)
                if st.button("Try again", key=f"retry_{regulation.id}", icon=":material/refresh:"):
                    retry_regulation(workspace, regulation.id)
                    st.rerun()


def draw_suppressed(workspace: Workspace) -> None:
    """Draw the suppressed users, each with a way to hear them again."""
    suppressed = list_suppressed(workspace)
    if not suppressed:
        st.caption("Nobody is suppressed.")
        return
    table = pd.DataFrame({"User id": list(suppressed), "Since": [format_time(at) for at in suppressed.values()]})
    st.dataframe(table, hide_index=True, alt="Suppressed users, the newest first")
    chosen = st.selectbox("Lift the suppression of", list(suppressed), index=None, placeholder="A user id", key="lift")
    if chosen and st.button("Lift the suppression", icon=":material/lock_open:", key="lift_now"):
        request_regulation(workspace, RegulationKind.UNSUPPRESS, [chosen])
        st.rerun()
