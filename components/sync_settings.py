"""What a person may change about a sync: which records, when, and a fresh start; with the consequences in words."""

from __future__ import annotations

import streamlit as st

from components.confirm import confirm
from components.error_panel import error_panel
from components.state import UNDO, Undo
from components.sync_state import draw_state
from components.sync_words import CONSEQUENCES, DELETING_MODES, MODES, SCHEDULES
from core.syncs import engine
from core.syncs.sync import Sync, set_mode, set_schedule
from core.workspaces.workspace import Workspace


def draw_settings(workspace: Workspace, sync: Sync) -> None:
    """Draw records, schedule, where rows are compared, and reset; a change can be taken back until the next one."""
    _draw_undo(sync)
    with st.container(border=True):
        mode = st.radio(
            "**Which records are sent**",
            list(MODES),
            index=list(MODES).index(sync.mode),
            format_func=MODES.get,
            captions=[CONSEQUENCES[mode] for mode in MODES],
            key=f"mode_{sync.id}_{sync.version}",
        )
        if st.button("Save which records", disabled=mode == sync.mode, key="save_mode"):
            _ask_for_mode(workspace, sync, mode)
    with st.container(border=True):
        minutes = st.selectbox(
            "**Schedule**",
            list(SCHEDULES),
            index=list(SCHEDULES).index(sync.interval_minutes),
            format_func=SCHEDULES.get,
            key=f"schedule_{sync.id}_{sync.version}",
            help="A new interval starts with a run right away. A slot that was missed is made up once.",
        )
        if st.button("Save schedule", disabled=minutes == sync.interval_minutes, key="save_schedule"):
            with error_panel("saving the schedule"):
                set_schedule(workspace, sync.id, minutes)
                before = sync.interval_minutes
                _keep_undo(
                    sync,
                    f"Schedule: {SCHEDULES[before]} → {SCHEDULES[minutes]}",
                    lambda: set_schedule(workspace, sync.id, before),
                )
                st.rerun()
    draw_state(workspace, sync)
    with st.container(border=True):
        st.markdown("**Reset sync**")
        st.caption(
            "Forgets what was acknowledged, so that the next run counts every row as added and sends it again. Nothing"
            " is deleted, and no profile is doubled: the same identifiers lead to the same profiles."
        )
        if st.button("Reset sync …", icon=":material/restart_alt:", key="reset"):
            _ask_for_reset(workspace, sync)


def _ask_for_mode(workspace: Workspace, sync: Sync, mode: str) -> None:
    def save() -> None:
        set_mode(workspace, sync.id, mode)
        _keep_undo(sync, f"{MODES[sync.mode]} → {MODES[mode].lower()}", lambda: set_mode(workspace, sync.id, sync.mode))

    if mode not in DELETING_MODES or sync.mode in DELETING_MODES:
        with error_panel("saving which records are sent"):
            save()
            st.rerun()
        return
    confirm(
        "Send deleted records?",
        f"{CONSEQUENCES[mode]} Press **What would change** first to see how many that would be now.",
        save,
        confirm_label="Send deleted records",
        warning="Cleared traits come back only when the row does.",
    )


def _ask_for_reset(workspace: Workspace, sync: Sync) -> None:
    def reset() -> None:
        engine.reset(workspace, sync.id)
        UNDO.clear(sync.id)
        st.toast("Reset. The next run sends every row again.", icon=":material/check:")

    confirm(
        "Reset sync?",
        "The next run sends every row of the SQL model again. Rows that disappeared since the last run are"
        " not noticed as deleted any more.",
        reset,
        confirm_label="Reset sync",
        acknowledge="I understand what happens when I reset a sync state",
    )


def _keep_undo(sync: Sync, sentence: str, take_back: object) -> None:
    UNDO.write(Undo(sentence, take_back), sync.id)  # type: ignore[arg-type]


def _draw_undo(sync: Sync) -> None:
    undo = UNDO.read(sync.id)
    if undo is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[:material/check:] Saved. :gray[{undo.sentence}]", width="stretch")
        if st.button("Undo", type="tertiary", icon=":material/undo:", key="undo"):
            with error_panel("undoing the change"):
                undo.take_back()
                UNDO.clear(sync.id)
                st.rerun()
