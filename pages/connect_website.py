"""Connect your website: name and address, the snippet, the test (W43-W51)."""

import streamlit as st

from components.error_panel import error_panel
from components.event_connection import HELP, draw_event_connection
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.state import get_workspace
from components.wizard import draw_back_link, draw_wizard_header
from core.setup.guided_setup import Connection, connect_website
from core.sources.store import Source

workspace = get_workspace()


def draw_form() -> None:
    """Draw the form of W44, and create the source."""
    with st.form("website", border=True, width=560):
        name = st.text_input("Website Name", max_chars=128, placeholder="Shop", key="website_name")
        url = st.text_input("Website URL", placeholder="https://www.example.com", key="website_url")
        pressed = st.form_submit_button("Create Source", type="primary")
    st.caption("A source gives your site a write key. It tells where an event comes from; it opens nothing else.")
    if pressed:
        with error_panel("creating the source") as attempt, saving() as version:
            own(connect_website(workspace, name=name, website_url=url, expected_version=version))
        if not attempt.failed:
            st.rerun()


def draw_help(source: Source) -> None:
    """Draw what W45 asks for beside the snippet."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape_markdown(source.name)}** · {escape_markdown(str(source.settings['website_url']))}")
        with st.popover("What is this?", icon=":material/help:", type="tertiary"):
            st.markdown(
                "The snippet is a few lines of JavaScript. It loads Segment's library analytics.js from this server,"
                " tells it your write key, and sends each page that is viewed. What you call on `analytics` before the"
                " library is there is kept and sent in order."
            )
            st.link_button("Documentation", f"{HELP}website/javascript/", icon=":material/menu_book:", type="tertiary")


with error_panel():
    setup = draw_wizard_header(workspace, "Connect your website", "add-connections")
    draw_back_link()
    draw_event_connection(
        workspace,
        setup,
        Connection.WEBSITE,
        draw_form=draw_form,
        draw_help=draw_help,
        test_title="Test",
        button="Test Connection",
        visit="Visit your website, view a few pages, come back and press **Test Connection**. Or skip this step.",
    )
