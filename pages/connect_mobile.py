"""Connect your mobile apps: system, name, the library, the test (W52-W59)."""

import streamlit as st

from components.error_panel import error_panel
from components.event_connection import HELP, draw_event_connection
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.state import get_workspace
from components.wizard import draw_back_link, draw_wizard_header
from core.setup.guided_setup import Connection, MobileSystem, connect_mobile
from core.sources.store import Source

workspace = get_workspace()
DOCS = {"swift": "mobile/apple/", "kotlin": "mobile/kotlin-android/"}


def draw_form() -> None:
    """Draw system and name (W52-W54), and create the source."""
    st.warning(
        "During this step one app can be connected: iOS **or** Android. More can be added after the setup, on Your"
        " Segment Overview.",
        icon=":material/warning:",
    )
    with st.form("mobile", border=True, width=560):
        system = st.radio("Operating system", list(MobileSystem), format_func=str, horizontal=True, key="mobile_system")
        name = st.text_input("Source name", max_chars=128, placeholder="Shop for iOS", key="mobile_name")
        pressed = st.form_submit_button("Create Source", type="primary")
    if pressed:
        with error_panel("creating the source") as attempt, saving() as version:
            own(connect_mobile(workspace, system=MobileSystem(system), name=name, expected_version=version))
        if not attempt.failed:
            st.rerun()


def draw_help(source: Source) -> None:
    """Draw whose library this is."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape_markdown(source.name)}**")
        st.link_button("Documentation", HELP + DOCS[source.kind], icon=":material/menu_book:", type="tertiary")


with error_panel():
    setup = draw_wizard_header(workspace, "Connect your mobile apps", "add-connections")
    draw_back_link()
    draw_event_connection(
        workspace,
        setup,
        Connection.MOBILE,
        draw_form=draw_form,
        draw_help=draw_help,
        test_title="Let's test out your connection",
        button="Test connection",
        visit="Open your app, view a few screens, come back and press **Test connection**. Or skip this step."
        " Screens are not sent by themselves: your code calls `screen`.",
    )
