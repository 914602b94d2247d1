"""One source: is it sending, how it is installed, its write key, and what can be changed about it."""

import streamlit as st

from components.confirm import confirm
from components.demo_sender import draw_demo_sender
from components.empty_state import draw_empty_state
from components.enable_switch import draw_enable_switch, draw_state
from components.error_panel import error_panel
from components.format import format_count, format_time
from components.instructions import draw_instructions
from components.navigation import draw_link, go_to
from components.plain_text import escape_markdown
from components.source_changes import ask_for_name, ask_for_rotation, ask_for_settings
from components.state import get_workspace
from core.errors import NotFound
from core.events.event_log import open_event_log
from core.events.refused import search_refused
from core.sources.registry import get_definition
from core.sources.store import Source, delete_source, disable_source, enable_source, get_source

LOOK_AGAIN = "2s"
workspace = get_workspace()


def draw_arrivals(source: Source) -> None:
    """Draw what has arrived, looking anew every two seconds."""

    @st.fragment(run_every=LOOK_AGAIN)
    @error_panel("reading what the source has sent")
    def draw() -> None:
        log = open_event_log(workspace)
        count = log.count_by_source().get(source.id, 0)
        newest = log.search(source_id=source.id, limit=1) if count else []
        refused = search_refused(log, source_id=source.id, limit=1)
        with st.container(border=True):
            if newest:
                event = newest[0]
                st.markdown(
                    f":green[:material/check_circle:] **{format_count(count, 'event')}** so far  \n:gray[The newest:"
                    f" {escape_markdown(event.name or event.type)}, {format_time(event.received_at)}]"
                )
            else:
                st.markdown(
                    ":material/radio_button_unchecked: **Waiting for the first event**  \n"
                    ":gray[It appears here within two seconds.]"
                )
            if refused:
                st.warning(
                    f"The newest refused event, {format_time(refused[0].received_at)}:"
                    f" {escape_markdown(refused[0].reason)} (`{refused[0].code}`)",
                    icon=":material/block:",
                )

    with error_panel("looking for events"):
        draw()


def draw_changes(source: Source) -> None:
    """Draw the buttons that change the source."""
    with st.container(horizontal=True):
        draw_enable_switch(
            "source",
            source.id,
            source.name,
            is_enabled=source.enabled,
            consequence="What it sends is refused from now on, and kept with the code `source_disabled`.",
            enable=lambda: enable_source(workspace, source.id),
            disable=lambda: disable_source(workspace, source.id),
        )
        if st.button("Rename …", key="rename", type="tertiary"):
            ask_for_name(workspace, source)
        if definition.settings and st.button("Change the settings …", key="change_settings", type="tertiary"):
            ask_for_settings(workspace, source)
        if st.button("Rotate the write key …", key="rotate", type="tertiary"):
            ask_for_rotation(workspace, source)
        if st.button("Delete …", key="delete", type="tertiary"):
            count = open_event_log(workspace).count_by_source().get(source.id, 0)
            confirm(
                f"Delete {escape_markdown(source.name)}?",
                f"Its {format_count(count, 'event')} and what profiles know from them stay.",
                lambda: _delete(source),
                confirm_label="Delete",
                warning="Its write key is gone for good: everything that still sends with it is refused, and a new"
                " source has another key.",
                acknowledge="I have taken the key out of my site, app or server",
            )


def _delete(source: Source) -> None:
    delete_source(workspace, source.id)
    st.query_params.pop("id", None)


with error_panel("reading the source"):
    try:
        source = get_source(workspace, st.query_params.get("id", ""))
    except NotFound:
        st.title("Source", anchor=False)
        draw_empty_state(":material/input:", "There is no such source", "It may have been deleted.")
        draw_link("overview", icon=":material/arrow_back:")
        st.stop()
    definition = get_definition(source.kind)
    st.title(escape_markdown(source.name), anchor=False)
    draw_link("overview", icon=":material/arrow_back:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(definition.label, color="gray")
        draw_state(is_enabled=source.enabled, is_protected=source.protected)
    if definition.needs_warehouse:
        st.caption("Its rows come by a sync.")
        draw_link("syncs")
        st.stop()
    if not definition.has_write_key:
        st.caption("Onramp writes the scores of predictions through it, so it can be neither changed nor deleted.")
        draw_link("predictions")
        draw_link("event-debugger", label="See its events in the event debugger", query={"source": source.id})
        st.stop()
    draw_arrivals(source)
    draw_demo_sender(workspace, source)
    draw_link("event-debugger", label="See its events in the event debugger", query={"source": source.id})
    st.markdown("**Write key**")
    st.code(str(source.write_key), language=None)
    if source.old_key_until is not None and source.old_key_until > workspace.now():
        st.caption(f"The key before it is taken until {format_time(source.old_key_until)}.")
    if source.protected:
        st.caption("It links the workspace to Flex, so it can be neither changed nor deleted.")
    else:
        draw_changes(source)
    st.subheader("How it is installed", anchor=False)
    draw_instructions(source)
    if st.button("Done", type="primary", key="done"):
        go_to("overview")
