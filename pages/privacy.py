"""Privacy: people who were deleted or suppressed, what went where, and asking for more of it."""

import streamlit as st

from components.error_panel import error_panel
from components.regulation_list import draw_regulations, draw_suppressed
from components.state import get_workspace
from core.privacy.job import NOT_DELETED
from core.privacy.regulation import LABELS, RegulationKind, list_regulations, request_regulation

workspace = get_workspace()
st.title("Privacy", anchor=False)
st.caption("Delete people, and drop what they send from now on. A worker deletes; here is what went where.")

with error_panel("reading what was asked for"):
    with st.form("regulation", clear_on_submit=True):
        text = st.text_area("User ids, one a line", key="privacy_users", placeholder="customer-4711")
        kinds = [RegulationKind.SUPPRESS_WITH_DELETE, RegulationKind.DELETE_ONLY, RegulationKind.SUPPRESS_ONLY]
        kind = st.radio("What is done", kinds, format_func=LABELS.__getitem__, horizontal=True, key="privacy_kind")
        is_sure = st.checkbox("These are the right people. What is deleted cannot be brought back.", key="privacy_sure")
        is_sent = st.form_submit_button("Do it", type="primary")
    if is_sent and not is_sure:
        st.warning("Nothing was done: tick that these are the right people.", icon=":material/warning:")
    elif is_sent:
        with error_panel("asking for it"):
            request_regulation(workspace, kind, [line for line in text.splitlines() if line.strip()])
    st.caption(NOT_DELETED)
    st.subheader("What was asked for", anchor=False)
    draw_regulations(workspace, list_regulations(workspace))
    st.subheader("Suppressed", anchor=False)
    draw_suppressed(workspace)
