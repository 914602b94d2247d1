"""Profiles sync: a space's profiles as tables in a warehouse, every hour or when asked."""

import streamlit as st

from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.navigation import go_to
from components.profiles_sync import draw_set_up, draw_sync
from components.state import get_workspace
from core.profiles_sync.store import find_profiles_sync
from core.workspaces.spaces import list_spaces

workspace = get_workspace()
st.title("Profiles sync", anchor=False)
st.caption("Profiles, identifiers, merges and events as tables in your warehouse. Only what differs is written.")

with error_panel("reading the profiles sync"):
    spaces = list_spaces(workspace)
    if not spaces:
        if draw_empty_state(
            ":material/table_view:",
            "There are no profiles yet",
            "The guided setup makes the first space. Then its profiles can be written to a warehouse.",
            action="Go to the guided setup",
            is_primary=True,
        ):
            go_to("getting-started")
        st.stop()
    space = spaces[0]
    if len(spaces) > 1:
        space = st.selectbox("Space", spaces, format_func=lambda each: each.name, key="sync_space", width=320)
    sync = find_profiles_sync(workspace, space.id)
    if sync is None:
        draw_set_up(workspace, space)
    else:
        draw_sync(workspace, sync)
