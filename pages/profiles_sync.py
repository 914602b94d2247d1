"""Profiles sync: a space's profiles as tables in a warehouse, every hour or when asked."""

import streamlit as st

from components.error_panel import error_panel
from components.profiles_sync import draw_set_up, draw_sync
from components.space_choice import require_space
from components.state import get_workspace
from core.profiles_sync.store import find_profiles_sync

workspace = get_workspace()
st.title("Profiles sync", anchor=False)
st.caption("Profiles, identifiers, merges and events as tables in your warehouse. Only what differs is written.")

with error_panel("reading the profiles sync"):
    space = require_space(
        workspace,
        ":material/table_view:",
        "There are no profiles yet",
        "Then its profiles can be written to a warehouse.",
    )
    sync = find_profiles_sync(workspace, space.id)
    if sync is None:
        draw_set_up(workspace, space)
    else:
        draw_sync(workspace, sync)
