"""Profiles Sync on a page: set up, how often, run now, the last runs with the rows of each table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components.confirm import confirm
from components.empty_state import draw_empty_state
from components.error_panel import draw_stored_error, error_panel
from components.format import NONE, format_ago, format_count, format_duration, format_time
from components.navigation import go_to
from components.plain_text import escape_markdown
from components.sync_words import describe_interval
from core.profiles_sync.layout import CURRENT, DIALECTS, HAPPENED
from core.profiles_sync.store import (
    HOURLY_MINUTES,
    ProfilesRun,
    ProfilesRunState,
    ProfilesSync,
    ask_for_run,
    list_profiles_runs,
    remove_profiles_sync,
    set_interval,
    set_up_profiles_sync,
)
from core.warehouses.registry import get_definition
from core.warehouses.store import WarehouseRecord, get_warehouse, list_warehouses
from core.workspaces.spaces import Space
from core.workspaces.workspace import Workspace

_WHEN_ASKED = 0  # a choice of a select box cannot be None
_INTERVALS = (15, HOURLY_MINUTES, 6 * 60, 24 * 60, _WHEN_ASKED)
_STATES = {
    ProfilesRunState.RUNNING: ("running", "blue"),
    ProfilesRunState.SUCCEEDED: ("succeeded", "green"),
    ProfilesRunState.FAILED: ("failed", "red"),
    ProfilesRunState.INTERRUPTED: ("interrupted, taken up by the next", "orange"),
}


def draw_set_up(workspace: Workspace, space: Space) -> None:
    """Draw the form that chooses a warehouse."""
    able = [each for each in list_warehouses(workspace) if get_definition(each.kind).dialect in DIALECTS]
    if not able:
        if draw_empty_state(
            ":material/database:",
            "No warehouse is connected yet",
            "Connect one whose login may make a schema. Then profiles can be written to it.",
            action="Go to warehouses",
            is_primary=True,
        ):
            go_to("warehouses")
        return
    with st.form("profiles_sync", border=True):
        st.markdown(f"Write the profiles of **{escape_markdown(space.name)}** to a warehouse.")
        warehouse = st.selectbox("Warehouse", able, format_func=_name_warehouse, key="sync_warehouse", width=360)
        minutes = _choose_interval("How often", HOURLY_MINUTES, key="sync_every")
        st.caption("The schema is named after the space and never changes. The first run writes everything.")
        is_pressed = st.form_submit_button("Start writing", type="primary")
    if is_pressed and warehouse is not None:
        with error_panel("setting up the profiles sync"):
            set_up_profiles_sync(workspace, space.id, warehouse.id, interval_minutes=minutes)
            st.rerun()


def draw_sync(workspace: Workspace, sync: ProfilesSync) -> None:
    """Draw where profiles are written, what can be done, and the last runs."""
    warehouse = get_warehouse(workspace, sync.warehouse_id)
    runs = list_profiles_runs(workspace, sync.id)
    now = workspace.now()
    with st.container(border=True):
        st.markdown(
            f":material/database: **{escape_markdown(warehouse.name)}** :gray[· schema] `{sync.schema_name}` "
            f":gray[· {describe_interval(sync.interval_minutes)}]"
        )
        if any(run.state is ProfilesRunState.RUNNING for run in runs):
            st.caption("Profiles are being written now.")
        elif sync.next_run_at is None:
            st.caption("They are written when somebody asks.")
        elif sync.next_run_at <= now:
            st.caption("The next run is due: the worker starts it in a moment.")
        else:
            st.caption(f"The next run is {format_ago(sync.next_run_at, now)}.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            minutes = _choose_interval("How often", sync.interval_minutes, key="sync_interval")
            if minutes != sync.interval_minutes:
                with error_panel("changing how often"):
                    set_interval(workspace, sync.id, minutes)
                    st.rerun()
            if st.button("Write now", icon=":material/sync:", key="sync_now"):
                with error_panel("asking for a run"):
                    ask_for_run(workspace, sync.id)
                    st.rerun()
            if st.button("Stop writing …", key="sync_remove"):
                confirm(
                    "Stop writing profiles",
                    f"Nothing is written to **{escape_markdown(warehouse.name)}** any more.",
                    lambda: remove_profiles_sync(workspace, sync.id),
                    confirm_label="Stop writing",
                    warning=f"The tables in the schema {sync.schema_name} stay. Setting it up again writes all anew.",
                )
    st.subheader("Last runs", anchor="runs")
    _draw_runs(runs)
    st.subheader("Tables", anchor="tables")
    st.caption(
        f"How things are: {', '.join(f'`{table.name}`' for table in CURRENT)}. "
        f"What happened: {', '.join(f'`{table.name}`' for table in HAPPENED)}. "
        "Each track event has a table of its own too, with its properties as columns, such as `order_completed`."
    )


def _draw_runs(runs: Sequence[ProfilesRun]) -> None:
    if not runs:
        draw_empty_state(
            ":material/history:", "No run yet", "The worker starts the first one within seconds.", key="runs"
        )
        return
    for run in runs[:5]:
        word, color = _STATES[run.state]
        took = NONE if run.finished_at is None else format_duration((run.finished_at - run.started_at).total_seconds())
        rows = format_count(sum(run.rows.values()), "row")
        label = f":{color}-badge[{word}] {format_time(run.started_at)} :gray[· {rows} · {took} · {run.trigger}]"
        with st.expander(label, expanded=run.state is ProfilesRunState.FAILED and run is runs[0]):
            if run.error is not None:
                draw_stored_error(run.error)
            for note in run.notes:
                st.caption(f":material/info: {escape_markdown(note)}")
            if run.rows:
                ranked = sorted(run.rows.items())
                table = {"Table": [name for name, _ in ranked], "Rows written": [number for _, number in ranked]}
                st.dataframe(pd.DataFrame(table), hide_index=True)
            elif run.error is None:
                st.caption("Nothing differed from what was written before.")


def _choose_interval(label: str, current: int | None, *, key: str) -> int | None:
    shown = current or _WHEN_ASKED
    choices = list(dict.fromkeys((*_INTERVALS, shown)))
    chosen = st.selectbox(label, choices, index=choices.index(shown), format_func=_name_interval, key=key, width=220)
    return chosen or None


def _name_interval(minutes: int) -> str:
    return describe_interval(minutes or None)


def _name_warehouse(record: WarehouseRecord) -> str:
    return f"{record.name} ({get_definition(record.kind).label})"
