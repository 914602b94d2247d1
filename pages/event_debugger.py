"""Event Debugger: every message in the log, newest first, as text search and as raw JSON (W90)."""

import json

import pandas as pd
import streamlit as st

from components.error_panel import error_panel
from components.format import format_time
from components.state import get_workspace
from core.events.event_log import open_event_log
from core.sources.store import list_sources

PAGE_SIZE = 100
TYPES = ("identify", "track", "page", "screen", "group", "alias")

workspace = get_workspace()
st.title("Event debugger", anchor=False)
st.caption("Calls as they were received, before any processing. The whole log is searched, not a sample of it.")

with error_panel():
    sources = {source.id: source.name for source in list_sources(workspace)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        live = st.toggle("Live", value=False, help="Look for new messages every two seconds.")
        text = st.text_input("Search", placeholder="Any text in the message", key="event_text", bind="query-params")
        kind = st.selectbox("Type", TYPES, index=None, placeholder="All types")
        source_id = st.selectbox(
            "Source", list(sources), index=None, placeholder="All sources", format_func=lambda key: sources[key]
        )

    @st.fragment(run_every="2s" if live else None)
    def draw_events() -> None:
        found = open_event_log(workspace).search(text=text or None, type=kind, source_id=source_id, limit=PAGE_SIZE)
        if not found:
            st.info(
                "No message matches." if text or kind or source_id else "No message has arrived yet.",
                icon=":material/bug_report:",
            )
            return
        table = pd.DataFrame(
            {
                "received": [format_time(event.received_at) for event in found],
                "type": [event.type for event in found],
                "event": [event.name or "—" for event in found],
                "user": [event.user_id or "—" for event in found],
                "source": [sources.get(event.source_id, event.source_id) for event in found],
            }
        )
        left, right = st.columns([3, 2], gap="medium")
        with left:
            picked = st.dataframe(
                table, hide_index=True, height=560, on_select="rerun", selection_mode="single-row", key="event_rows"
            )
            if len(found) == PAGE_SIZE:
                st.caption(f"The newest {PAGE_SIZE}. Search to see older ones.")
        rows = picked.selection.rows
        event = found[rows[0] if rows and rows[0] < len(found) else 0]
        with right:
            st.markdown(f"**{event.name or event.type}** :gray[· message {event.offset}]")
            st.json(json.loads(event.body), expanded=2)

    draw_events()
