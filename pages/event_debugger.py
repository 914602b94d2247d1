"""Event Debugger: every message in the log, newest first, as text search and as raw JSON (W90)."""

import streamlit as st

from components.address import draw_older_newer, draw_select, forget, keep, read_number
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.event_table import draw_event_table
from components.state import get_workspace
from core.events.event_log import open_event_log
from core.events.message import MessageType
from core.sources.store import list_sources

PAGE_SIZE = 100


workspace = get_workspace()
st.title("Event debugger", anchor=False)
st.caption("Calls as they were received, before any processing. The whole log is searched, not a sample of it.")

with error_panel("reading the event log"):
    sources = {source.id: source.name for source in list_sources(workspace)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            placeholder="Any text in the message",
            help="Finds messages that hold every word, in any order; of the last word the beginning is enough. "
            "“ada lov” finds “Ada Lovelace”, not “Canada”. Words between double quotes stay together. "
            "Capital letters do not matter.",
            key="event_text",
            bind="query-params",
            on_change=forget,
            args=("before",),
            width=320,
        )
        kind = draw_select(
            "Type",
            [str(kind) for kind in MessageType],
            name="type",
            describe=str,
            placeholder="All types",
            width=150,
            resets=("before",),
        )
        source_id = draw_select(
            "Source",
            list(sources),
            name="source",
            describe=lambda key: sources[key],
            placeholder="All sources",
            width=220,
            resets=("before",),
        )
        is_newest = "before" not in st.query_params
        live = st.toggle(
            "Live", key="event_live", disabled=not is_newest, help="Looks for new messages every two seconds."
        )

    @st.fragment(run_every="2s" if live and is_newest else None)
    def draw_events() -> None:
        with error_panel("reading the event log"):
            log = open_event_log(workspace)
            found = log.search(
                text=text or None, type=kind, source_id=source_id, before=read_number("before"), limit=PAGE_SIZE + 1
            )
            shown = found[:PAGE_SIZE]
            if not shown:
                is_filtered = text or kind or source_id or not is_newest
                draw_empty_state(
                    ":material/bug_report:",
                    "No message matches" if is_filtered else "No message has arrived yet",
                    "Search for less, or choose all types and all sources."
                    if is_filtered
                    else "Messages appear here as soon as a sync runs or a source sends.",
                )
                return
            chosen = draw_event_table(shown, sources, read_number("message"), key="events", log=log)
            keep("message", chosen)
            draw_older_newer("before", oldest=shown[-1].offset, has_older=len(found) > PAGE_SIZE)

    draw_events()
