"""Asking for people to be deleted or suppressed, by their user ids."""

from __future__ import annotations

import streamlit as st

from components.error_panel import error_panel
from components.state import REGULATION_ASKED, REGULATION_SURE, REGULATION_USERS
from core.privacy.regulation import LABELS, RegulationKind, request_regulation
from core.workspaces.workspace import Workspace

_KINDS = (RegulationKind.SUPPRESS_WITH_DELETE, RegulationKind.DELETE_ONLY, RegulationKind.SUPPRESS_ONLY)


def draw_regulation_form(workspace: Workspace) -> None:
    """Draw the form; what was typed stays until it was asked for."""
    if REGULATION_ASKED.take():  # a widget can be emptied before it is drawn, not after
        REGULATION_USERS.write("")
        REGULATION_SURE.write(value=False)
    with st.container(border=True):
        text = st.text_area("User ids, one a line", key=REGULATION_USERS.key(), placeholder="customer-4711")
        kind = st.radio("What is done", _KINDS, format_func=LABELS.__getitem__, horizontal=True, key="privacy_kind")
        is_sure = st.checkbox(
            "These are the right people. What is deleted cannot be brought back.", key=REGULATION_SURE.key()
        )
        is_asked = st.button(LABELS[kind], type="primary", key="privacy_ask")
    if not is_asked:
        return
    if not is_sure:
        st.warning("Nothing was done: tick that these are the right people.", icon=":material/warning:")
        return
    with error_panel("asking for it"):
        request_regulation(workspace, kind, [line for line in text.splitlines() if line.strip()])
        REGULATION_ASKED.write(value=True)
        st.rerun()
