"""A sync on the screen: run it, watch it, read its balance sheet, see what the next run would change."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.address import keep
from components.balance_sheet import draw_balance_sheet
from components.choice_table import draw_choice_table
from components.confirm import confirm
from components.empty_state import draw_empty_state
from components.error_panel import draw_stored_error, error_panel
from components.format import NONE, format_ago, format_count, format_duration, format_number, format_time
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.progress import Progress, draw_progress
from components.sync_records import draw_records
from components.sync_words import MODES, OPERATIONS, describe_interval, describe_state
from core.errors import NotFound
from core.syncs import engine
from core.syncs.pause import Pause, find_pause
from core.syncs.run import (
    CONFIRMED,
    RunState,
    SyncRun,
    get_run,
    list_runs,
    list_unfinished_runs,
    request_cancel,
    request_run,
)
from core.syncs.sheet import BalanceSheet
from core.syncs.sync import Sync, set_enabled
from core.workspaces.workspace import Workspace

WAITING_TOO_LONG_S = 15
_NUMBER = st.column_config.NumberColumn(format="localized")


def draw_head(workspace: Workspace, sync: Sync) -> None:
    """Draw what the sync does and when, **Sync now**, and the switch that enables it."""
    pause = find_pause(workspace, sync)
    parts = [MODES[sync.mode], describe_interval(sync.interval_minutes)]
    if sync.enabled and sync.next_run_at is not None and pause is None:
        parts.append(f"next run {format_ago(sync.next_run_at, workspace.now())}")
    st.caption(" · ".join(parts))
    if pause is not None:
        _draw_pause(sync, pause)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_going = any(run.sync_id == sync.id for run in list_unfinished_runs(workspace))
        if st.button(
            "Sync now",
            type="primary",
            icon=":material/sync:",
            disabled=is_going or not sync.enabled or pause is not None,
            help="A run is going: wait for its end, or cancel it." if is_going else None,
            key="sync_now",
        ):
            with error_panel("starting the sync"):
                _request(workspace, sync, "manual")
                st.rerun()
        enabled = st.toggle(
            "Enabled",
            value=sync.enabled,
            key=f"enabled_{sync.id}_{sync.version}",
            help="A disabled sync is started neither by its schedule nor by hand. What it has sent stays.",
        )
        if enabled != sync.enabled:
            with error_panel("changing the sync"):
                set_enabled(workspace, sync.id, enabled)
                st.rerun()


def _draw_pause(sync: Sync, pause: Pause) -> None:
    follows = " Once it is enabled again, a run that was missed is made up." if sync.interval_minutes else ""
    st.info(
        f"**Paused because the {pause.end} “{escape_markdown(pause.name)}” is disabled.** No run is started.{follows}",
        icon=":material/pause_circle:",
    )
    draw_link("overview", label=f"Enable the {pause.end} on Your Segment Overview")


def draw_runs(workspace: Workspace, sync: Sync) -> None:
    """Draw the chosen run, the newest unless a person picks another, and the history to pick from."""
    runs = list_runs(workspace, sync.id)
    if not runs:
        draw_empty_state(":material/play_circle:", "No run yet", "Press **Sync now**, or give the sync a schedule.")
        return
    run = _find_run(workspace, sync, runs)
    _draw_run(workspace, sync, run)
    if len(runs) > 1:
        st.markdown("**All runs**")
        picked = _draw_history(runs, run.id)
        if picked != run.id:
            keep("run", None if picked in (None, runs[0].id) else picked)
            st.rerun()
    if run.is_final:
        draw_records(workspace, run)


def draw_plan(workspace: Workspace, sync: Sync) -> None:
    """Draw the dry run: what the next run would add, update and delete; nothing is sent."""
    st.caption("Reads the warehouse and compares every row with what was acknowledged. Nothing is sent.")
    if not st.button("Compare now", icon=":material/difference:", key="compare"):
        return
    with error_panel("comparing"), st.spinner("Comparing …"):
        plan = engine.plan(workspace, sync.id)
        with st.grid(min_column_width=120):
            for label, count in (
                ("Added", plan.added),
                ("Updated", plan.updated),
                ("Deleted", plan.deleted),
                ("Unchanged", plan.unchanged),
                ("Rejected", plan.rejected),
            ):
                st.metric(label, format_number(count), border=True)
        if not plan.samples:
            st.info("The next run would send nothing.", icon=":material/check:")
        for sample in plan.samples:
            with st.expander(f"{OPERATIONS[sample.operation]} · {escape_markdown(sample.key)}"):
                before, after = st.columns(2)
                before.caption("Acknowledged")
                before.json(sample.before or {})
                after.caption("Now")
                after.json(sample.after or {})


def read_progress(run: SyncRun) -> Progress:
    """Return how far a run has come, from the counts that the engine writes: `extracted`, `due`, `done`."""
    label = describe_state(run)[0]
    if run.state is RunState.DELIVERING:
        return Progress(label, run.progress.get("done", 0), run.progress.get("due", 0), is_finished=run.is_final)
    return Progress(label, run.progress.get("extracted", 0), noun="row", is_finished=run.is_final)


def _request(workspace: Workspace, sync: Sync, trigger: str) -> None:
    request_run(workspace, sync.id, trigger)
    keep("run", None)


def _find_run(workspace: Workspace, sync: Sync, runs: Sequence[SyncRun]) -> SyncRun:
    wanted = st.query_params.get("run")
    if not wanted:
        return runs[0]
    try:
        run = get_run(workspace, wanted)
    except NotFound:
        run = None
    if run is None or run.sync_id != sync.id:
        keep("run", None)
        st.info("This sync has no such run. The newest one is shown.", icon=":material/history:")
        return runs[0]
    return run


def _draw_run(workspace: Workspace, sync: Sync, run: SyncRun) -> None:
    label, color = describe_state(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.is_final:  # while it is going, the progress below says where it is, and keeps up with it
            st.badge(label, color=color)
        st.caption(_describe_times(run), width="stretch")
    if not run.is_final:
        _watch(workspace, run)
        return
    if run.error:
        draw_stored_error(run.error)
    if run.sheet is not None and (run.sheet.extracted or not run.error):
        draw_balance_sheet(run.sheet, key="sheet", notes=_describe_changes(run.sheet))
        if run.sheet.reasons.get("empty_result_guard"):
            _offer_deleting(workspace, sync, run.sheet.reasons["empty_result_guard"])


def _watch(workspace: Workspace, run: SyncRun) -> None:
    def cancel() -> None:
        request_cancel(workspace, run.id)
        st.rerun()

    waited_s = (workspace.now() - run.requested_at).total_seconds()
    if run.state is RunState.QUEUED and waited_s > WAITING_TOO_LONG_S:
        st.warning(
            f"Nothing has started this run for {format_duration(waited_s)}. Is the worker running? Where the server"
            " runs with `ONRAMP_WORKER=off`, start `python -m core worker`.",
            icon=":material/hourglass_empty:",
        )
    draw_progress(
        lambda: read_progress(get_run(workspace, run.id)),
        key=f"progress_{run.id}",
        on_cancel=None if run.is_cancelling else cancel,
        cancel_label="Cancel sync",
    )
    if run.is_cancelling:
        st.caption("The batch that is being sent is finished first. What was not sent comes up again in the next run.")


def _describe_changes(sheet: BalanceSheet) -> list[str]:
    notes = []
    if sheet.delivered:
        notes.append(
            f"Of those delivered, {format_number(sheet.added)} were added and {format_number(sheet.updated)} updated."
        )
    parts = [
        f"{format_number(count)} {words}"
        for count, words in (
            (sheet.deleted_delivered, "sent as deleted"),
            (sheet.deleted_held, "held back"),
            (sheet.deleted_rejected, "rejected"),
        )
        if count
    ]
    if parts:
        notes.append(f"Records that the SQL model no longer returns: {', '.join(parts)}.")
    if sheet.compared_here:
        notes.append(f"Every row was read and compared here. {escape_markdown(sheet.compared_here)}")
    return notes


def _offer_deleting(workspace: Workspace, sync: Sync, count: int) -> None:
    st.warning(
        f"The SQL model returned no rows at all, so {format_count(count, 'deletion')} were held back:"
        " an empty result is more often a fault than a wish.",
        icon=":material/delete:",
    )
    if st.button("Delete them …", key="confirm_deletes", disabled=not sync.enabled):
        confirm(
            "Delete every record?",
            "A run starts now. If the SQL model still returns no rows, every record counts as deleted:"
            " the traits that this sync had set are cleared on their profiles.",
            lambda: _request(workspace, sync, CONFIRMED),
            confirm_label="Delete them",
            warning=f"{format_count(count, 'record')} would be deleted.",
        )


def _draw_history(runs: Sequence[SyncRun], chosen: str) -> str | None:
    sheets = [run.sheet for run in runs]
    return draw_choice_table(
        {
            "Started": [format_time(run.started_at or run.requested_at) for run in runs],
            "State": [describe_state(run)[0] if run.is_final else "In progress" for run in runs],
            "Took": [_describe_length(run) for run in runs],
            "Extracted": [sheet.extracted if sheet else None for sheet in sheets],
            "Delivered": [sheet.delivered if sheet else None for sheet in sheets],
            "Rejected": [sheet.rejected if sheet else None for sheet in sheets],
            "Held back": [sheet.held if sheet else None for sheet in sheets],
        },
        [run.id for run in runs],
        chosen,
        key="runs",
        alt="The runs of this sync, newest first",
        column_config=dict.fromkeys(("Extracted", "Delivered", "Rejected", "Held back"), _NUMBER),
    )


def _describe_length(run: SyncRun) -> str:
    if run.finished_at is None or run.started_at is None:
        return NONE
    return format_duration((run.finished_at - run.started_at).total_seconds())


def _describe_times(run: SyncRun) -> str:
    who = {"manual": "by hand", "schedule": "by schedule", CONFIRMED: "by hand, deletions confirmed"}
    parts = [format_time(run.started_at or run.requested_at), who.get(run.trigger, run.trigger)]
    if run.is_final:
        parts.append(f"took {_describe_length(run)}")
    if run.resumed:
        parts.append(f"resumed {format_count(run.resumed, 'time')} after an interruption")
    return " · ".join(parts)
