"""Syncs: run, watch, cancel, schedule, reset; the balance sheet and the records of each run."""

import streamlit as st

from components.error_panel import error_panel
from components.state import get_workspace
from components.sync_view import draw_new_run_controls, draw_plan, draw_run, draw_run_history, draw_schedule
from core.syncs.run import list_runs
from core.syncs.sync import list_syncs

workspace = get_workspace()
st.title("Syncs", anchor=False)

with error_panel():
    syncs = list_syncs(workspace)
    if not syncs:
        st.info(
            "There is no sync yet. Creating the mapping in the guided setup makes the first one.",
            icon=":material/sync:",
        )
        st.page_link("../pages/getting_started.py", label="Go to the guided setup", icon=":material/flag:")
        st.stop()
    names = {sync.id: sync.name for sync in syncs}
    chosen = st.selectbox("Sync", list(names), format_func=lambda key: names[key], key="sync", bind="query-params")
    sync = next(item for item in syncs if item.id == chosen)
    draw_new_run_controls(workspace, sync)
    overview, plan, schedule = st.tabs(["Runs", "What would change", "Schedule and reset"])
    with overview:
        runs = list_runs(workspace, sync.id)
        if not runs:
            st.info("No run yet. Press **Sync now**.", icon=":material/play_circle:")
        else:
            draw_run(workspace, draw_run_history(runs))
    with plan:
        draw_plan(workspace, sync)
    with schedule:
        draw_schedule(workspace, sync)
