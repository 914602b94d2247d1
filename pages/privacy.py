"""Privacy: people who were deleted or suppressed, what went where, and asking for more of it."""

import streamlit as st

from components.deleted_identifiers import draw_deleted_identifiers
from components.error_panel import error_panel
from components.regulation_form import draw_regulation_form
from components.regulation_list import draw_regulations, draw_suppressed
from components.state import get_workspace
from core.privacy.job import NOT_DELETED
from core.privacy.regulation import list_regulations
from core.profiles.list_deleted import list_deleted_identifiers
from core.workspaces.spaces import list_spaces

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
    st.subheader("Deleted identifiers", anchor=False)
    if deleted := list_deleted_identifiers(workspace):
        draw_deleted_identifiers(deleted, {space.id: space.name for space in list_spaces(workspace)})
    else:
        st.caption("No identifier was deleted. Programs delete them through the Profile API.")
