"""The test of a website or an app: its views appear as they arrive, or the test is skipped (W48-W50, W56-W58)."""

from __future__ import annotations

import streamlit as st

from components.demo_sender import draw_demo_sender
from components.error_panel import error_panel
from components.format import format_count, format_time
from components.navigation import draw_link
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.wizard import HOME
from core.errors import IllegalTransition
from core.events.arrivals import Arrivals
from core.events.event_log import open_event_log
from core.events.refused import search_refused
from core.setup.guided_setup import Connection, finish_test, look_for_views, require_view
from core.sources.store import Source
from core.workspaces.workspace import Workspace

LOOK_AGAIN = "2s"


def draw_view_test(workspace: Workspace, source: Source, connection: Connection, *, button: str, visit: str) -> None:
    """Draw the test and do what is pressed: a view that arrives is shown at once, and **Done** goes on.

    Args:
        workspace: The opened workspace.
        source: The source that is tested.
        connection: The sub-step of step 2 that it completes.
        button: The label of the button that tests.
        visit: What the person does to make views, as a sentence.
    """
    arrivals = look_for_views(workspace, source.id)
    st.markdown(visit)
    with st.container(border=True):
        _draw_indicator(workspace, source, arrivals)
    draw_demo_sender(workspace, source)
    with st.container(horizontal=True):
        tested = st.button(button, type="secondary" if arrivals.is_seen else "primary", key="test_views")
        done = arrivals.is_seen and st.button("Done", type="primary", key="test_done", icon=":material/check:")
        skipped = not arrivals.is_seen and st.button("Skip this step", type="tertiary", key="test_skip")
    if done or skipped:
        with error_panel():
            with saving() as version:
                own(finish_test(workspace, connection, skip=bool(skipped), expected_version=version))
            st.switch_page(HOME)
    if tested and not arrivals.is_seen:
        try:
            require_view(arrivals)
        except IllegalTransition as nothing:  # no failure: one waits
            st.warning(f"**{nothing.message}** {nothing.hint}", icon=":material/hourglass_empty:")
    if not arrivals.is_seen:
        st.caption("Skipping is fine: what is viewed later arrives all the same, and the check of step 4 reminds you.")


def _draw_indicator(workspace: Workspace, source: Source, arrivals: Arrivals) -> None:
    if arrivals.newest is not None:
        name = escape_markdown(arrivals.view_name)
        detail = f"{name} · {format_time(arrivals.newest.received_at)}".strip(" ·")
        st.markdown(f":green[:material/check_circle:] **Page**  \n:gray[{detail}]")
        st.caption(f"{format_count(arrivals.events, 'event')} so far.")
        draw_link("event-debugger", label="See them in the event debugger", query={"source": source.id})
        return
    _draw_waiting(workspace, source)


def _draw_waiting(workspace: Workspace, source: Source) -> None:
    @st.fragment(run_every=LOOK_AGAIN)
    @error_panel("looking for the first view")
    def wait() -> None:
        arrivals = look_for_views(workspace, source.id)
        if arrivals.is_seen:
            st.rerun(scope="app")
        st.markdown(f":material/radio_button_unchecked: **Page**  \n:gray[{_tell_waiting(arrivals)}]")
        refused = search_refused(open_event_log(workspace), source_id=source.id, limit=1)
        if refused:
            st.warning(
                f"An event was refused: {escape_markdown(refused[0].reason)} (`{refused[0].code}`)",
                icon=":material/block:",
            )

    with error_panel("looking for views"):
        wait()


def _tell_waiting(arrivals: Arrivals) -> str:
    so_far = f"{format_count(arrivals.events, 'event')} so far. " if arrivals.events else ""
    return f"{so_far}Waiting for the first {arrivals.shown_by}; it appears here within two seconds."
