"""Privacy: people who were deleted or suppressed, what went where, and asking for more of it."""

import streamlit as st

from components.error_panel import error_panel
from components.regulation_form import draw_regulation_form
from components.regulation_list import draw_regulations, draw_suppressed
from components.state import get_workspace
from core.privacy.job import NOT_DELETED
from core.privacy.regulation import list_regulations

workspace = get_workspace()
st.title("Privacy", anchor=False)
st.caption("Delete people, and drop what they send from now on. A worker deletes; here is what went where.")

with error_panel("reading what was asked for"):
    draw_regulation_form(workspace)
    st.caption(NOT_DELETED)
    st.subheader("What was asked for", anchor=False)
    draw_regulations(workspace, list_regulations(workspace))
    st.subheader("Suppressed", anchor=False)
    draw_suppressed(workspace)
