"""The Flex view on a page: try it with a customer, and name the pages that may show it in a frame."""

from __future__ import annotations

import streamlit as st

from components.error_panel import error_panel
from components.sender_address import get_sender_address
from core.workspaces.profile_api import get_api_settings, set_api_settings
from core.workspaces.view_links import DEFAULT_MINUTES, make_view_link
from core.workspaces.workspace import Workspace


def draw_flex_view(workspace: Workspace, space_id: str) -> None:
    """Draw a form that opens the view of a customer, and the pages that may embed it."""
    st.caption(
        "One card of the person who calls, for an agent's desktop. A server asks for a link with its token; the "
        "browser opens the link, which ends after some minutes."
    )
    with st.form("try_view", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.text_input(
            "Customer", placeholder="+14155550100, ada@example.org or a user id", key="view_who", width=320
        )
        is_tried = st.form_submit_button("Make a link", icon=":material/link:")
    if is_tried:
        with error_panel("making a link"):
            link, _ends = make_view_link(workspace, space_id, who or "")
            st.link_button(
                f"Open the view ({DEFAULT_MINUTES} minutes)",
                f"{get_sender_address()}/flex/{link}",
                icon=":material/open_in_new:",
            )
    origins = get_api_settings(workspace, space_id).frame_origins
    with st.form("frame_origins", border=False):
        text = st.text_area(
            "Pages that may show it in a frame",
            value="\n".join(origins),
            placeholder="https://flex.twilio.com",
            help="Scheme and host, one a line; *. stands for any name before the host. Nobody else can embed the view.",
            key=f"frame_origins_{space_id}",
            height=90,
        )
        is_saved = st.form_submit_button("Save pages")
    if is_saved:
        with error_panel("saving the pages"):
            set_api_settings(workspace, space_id, frame_origins=(text or "").split())
            st.toast("Saved.", icon=":material/check:")
