"""The merges behind one profile, each with the sentence that says why."""

from __future__ import annotations

import streamlit as st

from components.empty_state import draw_empty_state
from components.format import format_count, format_time
from components.navigation import draw_link
from core.profiles.profile import Profile


def draw_merges(profile: Profile) -> None:
    """Draw every merge, oldest first, with the way to the message that made it."""
    if not profile.merges:
        draw_empty_state(
            ":material/call_merge:",
            "Never merged",
            "Two profiles become one when a message carries identifiers of both and no rule forbids it.",
        )
        return
    st.caption(f"{format_count(len(profile.merges), 'merge')}, oldest first. The older profile survives.")
    for merge in profile.merges:
        with st.container(border=True):
            st.text(merge.sentence)  # plain: Markdown would make links of e-mail addresses
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(format_time(merge.at))
                draw_link(
                    "event-debugger",
                    label=f"Message #{merge.log_offset}",
                    icon=":material/bug_report:",
                    query={"message": str(merge.log_offset)},
                )
