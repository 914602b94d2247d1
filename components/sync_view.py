"""A sync on the screen: run it, watch it, read its balance sheet, search its records, see what would change."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components.balance_sheet import draw_balance_sheet
from components.error_panel import error_panel
from components.format import format_duration, format_number, format_time
from core.syncs import engine
from core.syncs.records import search_records
from core.syncs.run import FINAL_STATES, RunState, SyncRun, get_run, request_cancel, request_run
from core.syncs.sync import INTERVALS_MINUTES, Sync, set_enabled, set_schedule
from core.workspaces.workspace import Workspace

STATE_LABELS = {
    RunState.QUEUED: ("Waiting to start", "gray"),
    RunState.EXTRACTING: ("In progress · reading rows", "blue"),
    RunState.COMPARING: ("In progress · comparing", "blue"),
    RunState.DELIVERING: ("In progress · delivering", "blue"),
    RunState.CANCELLING: ("Cancelling", "orange"),
    RunState.SUCCEEDED: ("Successful", "green"),
    RunState.PARTLY_SUCCEEDED: ("Partially successful", "orange"),
    RunState.FAILED: ("Failed", "red"),
    RunState.CANCELLED: ("Cancelled", "gray"),
}
SCHEDULES = {None: "Manual", 15: "Every 15 minutes", 30: "Every 30 minutes", 60: "Every hour", 1440: "Every day"}
RECORDS_SHOWN = 200


def draw_new_run_controls(workspace: Workspace, sync: Sync) -> None:
    """Draw **Sync now** and the switch that enables the sync."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Sync now", type="primary", icon=":material/sync:", disabled=not sync.enabled):
            with error_panel():
                request_run(workspace, sync.id, "manual")
                st.rerun()
        enabled = st.toggle("Enabled", value=sync.enabled, key=f"enabled_{sync.id}_{sync.version}")
        if enabled != sync.enabled:
            with error_panel():
                set_enabled(workspace, sync.id, enabled)
                st.rerun()


def draw_run_history(runs: Sequence[SyncRun]) -> str:
    """Draw the runs, newest first, and return the id of the chosen one."""
    table = pd.DataFrame(
        [
            {
                "started": format_time(run.started_at or run.requested_at),
                "state": STATE_LABELS[run.state][0],
                "took": format_duration((run.finished_at - run.started_at).total_seconds())
                if run.finished_at and run.started_at
                else "—",
                "delivered": run.sheet.delivered if run.sheet else None,
                "rejected": run.sheet.rejected if run.sheet else None,
            }
            for run in runs
        ]
    )
    picked = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="runs",
        height=min(280, 40 + 36 * len(runs)),
    )
    rows = picked.selection.rows
    return runs[rows[0] if rows and rows[0] < len(runs) else 0].id


def draw_run(workspace: Workspace, run_id: str) -> None:
    """Draw one run; while it is going the panel refreshes by itself and offers to cancel."""
    going = get_run(workspace, run_id).state not in FINAL_STATES

    @st.fragment(run_every="1s" if going else None)
    def panel() -> None:
        run = get_run(workspace, run_id)
        label, color = STATE_LABELS[run.state]
        st.badge(label, color=color)
        if run.state not in FINAL_STATES:
            _draw_progress(workspace, run)
        elif going:
            st.rerun()
        if run.error:
            st.error(f"{run.error.get('message', '')} {run.error.get('hint', '')}", icon=":material/error:")
        if run.sheet is not None:
            draw_balance_sheet(run.sheet)

    panel()
    if not going:
        _draw_records(workspace, run_id)


def draw_plan(workspace: Workspace, sync: Sync) -> None:
    """Draw the dry run: what the next run would add, update and delete; nothing is sent."""
    st.caption("Reads the warehouse and compares it with what was acknowledged. Nothing is sent.")
    if not st.button("Compare now", icon=":material/difference:"):
        return
    with error_panel(), st.spinner("Comparing …"):
        plan = engine.plan(workspace, sync.id)
        with st.grid(5, min_column_width=120):
            for label, count in (
                ("Added", plan.added),
                ("Updated", plan.updated),
                ("Deleted", plan.deleted),
                ("Unchanged", plan.unchanged),
                ("Rejected", plan.rejected),
            ):
                st.metric(label, format_number(count), border=True)
        for sample in plan.samples:
            with st.expander(f"{sample.operation} · {sample.key}"):
                before, after = st.columns(2)
                before.caption("Acknowledged")
                before.json(sample.before or {})
                after.caption("Now")
                after.json(sample.after or {})


def draw_schedule(workspace: Workspace, sync: Sync) -> None:
    """Draw the schedule and **Reset sync**."""
    choices = [None, *INTERVALS_MINUTES]
    labels = {**{minutes: f"Every {minutes // 60} hours" for minutes in INTERVALS_MINUTES}, **SCHEDULES}
    chosen = st.selectbox(
        "Schedule", choices, index=choices.index(sync.interval_minutes), format_func=lambda key: labels[key]
    )
    if chosen != sync.interval_minutes:
        with error_panel():
            set_schedule(workspace, sync.id, chosen)
            st.rerun()
    if sync.next_run_at is not None:
        st.caption(f"Next run {format_time(sync.next_run_at)}")
    with st.container(border=True):
        st.markdown("**Reset sync**")
        st.caption("Forgets what was acknowledged. The next run adds every row again.")
        sure = st.checkbox("I understand what happens when I reset a sync state", key="reset_sure")
        if st.button("Reset sync", disabled=not sure, icon=":material/restart_alt:"):
            with error_panel():
                engine.reset(workspace, sync.id)
                st.toast("Reset. The next run adds every row again.", icon=":material/check:")


def _draw_progress(workspace: Workspace, run: SyncRun) -> None:
    extracted, due = run.progress.get("extracted", 0), run.progress.get("due", 0)
    done = run.progress.get("delivered", 0) + run.progress.get("rejected", 0)
    if due:
        st.progress(min(1.0, done / due), text=f"{format_number(done)} of {format_number(due)} records")
    else:
        st.progress(0.0, text=f"{format_number(extracted)} rows read")
    if run.state is not RunState.CANCELLING and st.button("Cancel sync", key=f"cancel_{run.id}"):
        request_cancel(workspace, run.id, "cancelled by a person")


def _draw_records(workspace: Workspace, run_id: str) -> None:
    st.markdown("**Records of this run**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Search records", placeholder="Key, reason or payload", key=f"records_{run_id}")
        outcome = st.selectbox(
            "Outcome", ("delivered", "rejected", "held"), index=None, placeholder="All", key=f"outcome_{run_id}"
        )
    with error_panel():
        records = search_records(workspace, run_id, text=text or None, outcome=outcome, limit=RECORDS_SHOWN)
        if records.num_rows == 0:
            st.caption("No record. Unchanged records are counted, not listed.")
        else:
            st.dataframe(records.to_pandas(), hide_index=True)
