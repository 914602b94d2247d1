"""Your Segment Overview: sources on the left, destinations on the right, and what is used of each limit (W92, W99)."""

import streamlit as st

from components.error_panel import error_panel
from components.format import format_number
from components.state import get_workspace
from core.destinations.store import list_destinations
from core.events.event_log import open_event_log
from core.profiles.lookup import count_profiles
from core.setup.entitlements import list_usage
from core.sources.store import list_sources
from core.syncs.sync import list_syncs
from core.workspaces.spaces import list_spaces

workspace = get_workspace()
st.title("Your Segment Overview", anchor=False)
st.caption("Everything this workspace is made of. Changes here need care; the guided setup is the safe way.")

with error_panel():
    spaces = list_spaces(workspace)
    events = open_event_log(workspace).count_by_source()
    with st.grid(4):
        st.metric("Profiles", format_number(sum(count_profiles(workspace, space.id) for space in spaces)), border=True)
        st.metric("Messages in the log", format_number(sum(events.values())), border=True)
        st.metric("Sources", format_number(len(list_sources(workspace))), border=True)
        st.metric("Syncs", format_number(len(list_syncs(workspace))), border=True)

    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Sources", anchor=False)
        for source in list_sources(workspace):
            with st.container(border=True):
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{source.name}**")
                    st.badge("Enabled" if source.enabled else "Disabled", color="green" if source.enabled else "gray")
                    if source.protected:
                        st.badge("Made by the setup", icon=":material/lock:", color="gray")
                st.caption(f"`{source.slug}` · {format_number(events.get(source.id, 0))} messages")
        if not list_sources(workspace):
            st.info("No source yet. The guided setup makes the first ones.", icon=":material/input:")
    with right:
        st.subheader("Destinations", anchor=False)
        destinations = list_destinations(workspace)
        for destination in destinations:
            with st.container(border=True), st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{destination.name}**")
                st.badge(
                    "Enabled" if destination.enabled else "Disabled", color="green" if destination.enabled else "gray"
                )
        if not destinations:
            st.info("No destination yet. Creating the mapping makes Segment Profiles.", icon=":material/output:")

    st.subheader("Used of what this workspace includes", anchor=False)
    with st.grid(5, min_column_width=150):
        for usage in list_usage(workspace):
            st.metric(usage.label, f"{usage.used} of {usage.limit}", border=True)
