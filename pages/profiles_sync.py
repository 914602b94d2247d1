"""Profiles sync: a space's profiles as tables in a warehouse, every hour or when asked."""

import streamlit as st

from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.navigation import go_to
from components.profiles_sync import draw_set_up, draw_sync
from components.space_choice import choose_space
from components.state import get_workspace
from core.profiles_sync.store import find_profiles_sync

workspace = get_workspace()
st.title("Profiles sync", anchor=False)
st.caption("Profiles, identifiers, merges and events as tables in your warehouse. Only what differs is written.")

with error_panel("reading the profiles sync"):
    space = choose_space(workspace)
    if space is None:
        if draw_empty_state(
            ":material/table_view:",
            "There are no profiles yet",
            "The guided setup makes the first space. Then its profiles can be written to a warehouse.",
            action="Go to the guided setup",
            is_primary=True,
        ):
            go_to("getting-started")
        st.stop()
    sync = find_profiles_sync(workspace, space.id)
    if sync is None:
        draw_set_up(workspace, space)
    else:
        draw_sync(workspace, sync)
