"""Your Segment Overview: sources on the left, destinations on the right, and what is used of each limit (W92, W99)."""

import streamlit as st

from components.connection_cards import draw_destination, draw_source
from components.empty_state import draw_empty_state
from components.entitlement_meter import draw_meters
from components.error_panel import error_panel
from components.format import format_number
from components.navigation import draw_link
from components.profile_search import count_people
from components.state import get_workspace
from core.destinations.store import list_destinations
from core.events.event_log import open_event_log
from core.setup.entitlements import list_usage
from core.sources.store import list_sources
from core.syncs.sync import list_syncs
from core.workspaces.spaces import list_connected_sources, list_spaces

workspace = get_workspace()
st.title("Your Segment Overview", anchor=False)
st.caption("Everything this workspace is made of. Changes here need care; the guided setup is the safe way.")

with error_panel("reading the workspace"):
    spaces, sources, syncs = list_spaces(workspace), list_sources(workspace), list_syncs(workspace)
    destinations = list_destinations(workspace)
    messages = open_event_log(workspace).count_by_source()
    connected = {source_id for space in spaces for source_id in list_connected_sources(workspace, space.id)}
    profiles = sum(count_people(workspace, space.id) for space in spaces)
    with st.grid(3, min_column_width=160):
        for label, count, url_path in (
            ("Profiles", profiles, "profile-explorer"),
            ("Messages in the log", sum(messages.values()), "event-debugger"),
            ("Syncs", len(syncs), "syncs"),
        ):
            with st.container(border=True, gap=None):
                st.metric(label, format_number(count))
                draw_link(url_path)

    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Sources", anchor=False)
        for source in sources:
            draw_source(
                workspace,
                source,
                messages=messages.get(source.id, 0),
                is_connected=source.id in connected,
                syncs=[sync for sync in syncs if sync.source_id == source.id],
            )
        draw_link("add-source", label="+ Add More", icon=":material/add:")
        if not sources:
            draw_empty_state(
                ":material/input:", "No source yet", "The guided setup makes the first ones.", key="sources"
            )
    with right:
        st.subheader("Destinations", anchor=False)
        for destination in destinations:
            draw_destination(
                workspace, destination, syncs=[sync for sync in syncs if sync.destination_id == destination.id]
            )
        if not destinations:
            draw_empty_state(
                ":material/output:",
                "No destination yet",
                "Creating the mapping makes Segment Profiles.",
                key="destinations",
            )

    st.subheader("Used of what this workspace includes", anchor=False)
    draw_meters(list_usage(workspace))
