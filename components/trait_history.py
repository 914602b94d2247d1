"""The history of one trait of a person: each value, since when, and why."""

from __future__ import annotations

import streamlit as st

from components.error_panel import error_panel
from components.format import format_count, format_moment
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.profile_sheet import format_value
from core.profiles.lookup import Profile
from core.traits.changes import TraitChange, read_trait_history
from core.workspaces.workspace import Workspace

SHOWN = 20
VALUE_CHARS = 80


def draw_trait_history(workspace: Workspace, profile: Profile, key: str) -> None:
    """Draw the newest changes, each with the message behind it; read when a person asks for it."""
    if not st.toggle("Show how the value came about", key=f"history_{profile.id}_{key}"):
        return
    with st.container(border=True, key="trait_history"), error_panel("reading the history of the trait"):
        history = read_trait_history(workspace, profile.space_id, profile.id, key)
        if history.note:
            st.caption(escape_markdown(history.note))
        if not history.changes and not history.note:
            st.caption("No message that is still kept says where it came from.")
        for change in history.changes[:SHOWN]:
            _draw_change(change)
        if len(history.changes) > SHOWN:
            st.caption(f"And {format_count(len(history.changes) - SHOWN, 'earlier value')}.")


def _draw_change(change: TraitChange) -> None:
    value = "no value" if change.value is None else format_value(change.value, VALUE_CHARS)
    since, why = format_moment(change.at), escape_markdown(change.sentence)
    st.markdown(f"**{escape_markdown(value)}** :gray[{since}]  \n:small[{why}]")
    if change.log_offset is not None:
        draw_link("event-debugger", label="See the message", query={"message": str(change.log_offset)})
