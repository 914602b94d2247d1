"""How long events are kept: the choice, what it deletes, and a question before it deletes anything."""

from __future__ import annotations

import streamlit as st

from components.confirm import confirm
from components.error_panel import error_panel
from components.format import format_count
from core.events.event_log import open_event_log
from core.events.history.keep import count_older, find_cutoff
from core.workspaces.retention import get_keep_days, set_keep_days
from core.workspaces.workspace import Workspace

_CHOICES = (7, 30, 90, 180, 365, 730)
_WARNING = (
    "Deleted events cannot be brought back. Profiles stay as they are until they are rebuilt, for example when a "
    "source that has sent already is connected; then they know what the kept events say, and no more. A computed "
    "trait that you add counts kept events only."
)
_FOR_EVER = 0  # a choice of a select box cannot be None


def draw_retention(workspace: Workspace) -> None:
    """Draw the setting; what deletes events is saved only after a confirmation."""
    kept = get_keep_days(workspace)
    st.caption(_describe(kept))
    choices = sorted({_FOR_EVER, *_CHOICES, kept or _FOR_EVER})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Keep events",
            choices,
            index=choices.index(kept or _FOR_EVER),
            format_func=_name,
            key="keep_events",
            width=220,
            help="Accepted and refused events alike, counted from the day on which they were received (UTC).",
        )
        is_pressed = st.button("Save", key="save_keep_events", disabled=chosen == (kept or _FOR_EVER))
    if not is_pressed:
        return
    days = chosen or None
    if days is None or (kept is not None and days > kept):
        with error_panel("saving how long events are kept"):
            set_keep_days(workspace, days)
            st.rerun()
    else:
        _ask(workspace, days)


def _ask(workspace: Workspace, days: int) -> None:
    cutoff = find_cutoff(workspace, days)
    if cutoff is None:
        raise ValueError("a number of days has a first day that is kept")
    count = count_older(open_event_log(workspace), cutoff)
    confirm(
        f"Keep events for {days} days",
        f"Events received before **{cutoff:%-d %B %Y}** (UTC) are deleted from this workspace: "
        f"{format_count(count, 'event')} now, refused ones besides, and each day those that become {days} days old.",
        lambda: set_keep_days(workspace, days),
        confirm_label="Delete them",
        warning=_WARNING,
        acknowledge="I have a backup of these events, or need them no more.",
    )


def _describe(days: int | None) -> str:
    if days is None:
        return "Every event is kept. Days that are over take a third of their size, the index for the search included."
    return f"Events are deleted {days} days after the day on which they were received."


def _name(days: int) -> str:
    return "For ever" if days == _FOR_EVER else f"For {days} days"
