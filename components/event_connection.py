"""One screen after the other for a website or an app: form, instructions, test (W43-W50, W53-W58)."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.instructions import draw_instructions
from components.plain_text import escape_markdown
from components.view_test import draw_view_test
from components.wizard import HOME, draw_locked
from core.setup.guided_setup import Connection, Setup
from core.sources.store import Source, get_source
from core.workspaces.workspace import Workspace

INSTALL, TEST = "install", "test"
HELP = "https://segment.com/docs/connections/sources/catalog/libraries/"


def draw_event_connection(
    workspace: Workspace,
    setup: Setup,
    connection: Connection,
    *,
    draw_form: Callable[[], None],
    draw_help: Callable[[Source], None],
    test_title: str,
    button: str,
    visit: str,
) -> None:
    """Draw the screen that is due: the form without a source, else the instructions, the test, or what is done.

    Args:
        workspace: The opened workspace.
        setup: As it is now.
        connection: The sub-step of step 2.
        draw_form: Draws the form; makes the source and starts the page anew.
        draw_help: Draws what belongs above the instructions.
        test_title: Heading of the test.
        button: The label of the button that tests.
        visit: What the person does to make views.
    """
    step = setup.get_connection(connection)
    if step is None:
        reason = "Your data source is another one. More sources can be added on Your Segment Overview."
        draw_locked(f"{connection.value} is no part of this setup", reason, HOME, "Go on with the setup")
        return
    source_id = setup.website_source_id if connection is Connection.WEBSITE else setup.mobile_source_id
    if source_id is None:
        draw_form()
        return
    source = get_source(workspace, source_id)
    shown = st.query_params.get("step")
    if step.is_complete and shown not in (INSTALL, TEST):
        _draw_done(source, step.reason)
    elif shown == TEST:
        _draw_way_back("Look at the instructions again")
        st.subheader(test_title, anchor=False)
        draw_view_test(workspace, source, connection, button=button, visit=visit)
    else:
        draw_help(source)
        draw_instructions(source)
        if st.button("Next", type="primary", key="next_install"):
            _go(TEST)


def _draw_done(source: Source, reason: str) -> None:
    st.success(escape_markdown(reason), icon=":material/check_circle:")
    with st.container(horizontal=True):
        if st.button("Next", type="primary", key="next_done"):
            st.switch_page(HOME)
        if st.button("Look at the instructions again", key="again_install"):
            _go(INSTALL)
        if st.button("Test again", key="again_test"):
            _go(TEST)
    st.caption(f"Its source is **{escape_markdown(source.name)}**, with the write key `{source.write_key}`.")


def _draw_way_back(label: str) -> None:
    if st.button(label, type="tertiary", key="back_install", icon=":material/arrow_back:"):
        _go(INSTALL)


def _go(step: str) -> None:
    st.query_params["step"] = step
    st.rerun()
