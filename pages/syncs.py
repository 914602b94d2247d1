"""Syncs: run, watch, cancel, schedule, reset; the balance sheet and the records of each run."""

import streamlit as st

from components.address import draw_select, draw_views
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.navigation import go_to
from components.state import get_workspace
from components.sync_settings import draw_settings
from components.sync_view import draw_head, draw_plan, draw_runs
from core.syncs.sync import list_syncs

VIEWS = {"runs": "Runs", "plan": "What would change", "settings": "Settings"}

workspace = get_workspace()
st.title("Syncs", anchor=False)

with error_panel("reading the syncs"):
    syncs = {sync.id: sync for sync in list_syncs(workspace)}
    if not syncs:
        if draw_empty_state(
            ":material/sync:",
            "There is no sync yet",
            "Creating the mapping in the guided setup makes the first one. It then brings the rows of your SQL model"
            " to profiles, once or on a schedule.",
            action="Go to the guided setup",
            is_primary=True,
        ):
            go_to("getting-started")
        st.stop()
    chosen = draw_select(
        "Sync", list(syncs), name="sync", describe=lambda key: syncs[key].name, resets=("run", "outcome", "reason")
    )
    draw_head(workspace, syncs[chosen])
    view = draw_views(VIEWS, name="view")
    if view == "plan":
        draw_plan(workspace, syncs[chosen])
    elif view == "settings":
        draw_settings(workspace, syncs[chosen])
    else:
        draw_runs(workspace, syncs[chosen])
