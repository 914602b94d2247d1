"""Something to view at hand: the demo website, and the demo phone, where senders reach this machine only."""

from __future__ import annotations

import streamlit as st

from components.error_panel import error_panel
from components.sender_address import get_sender_address
from core.samples.demo_phone import DEVICES
from core.samples.demo_phone_upload import use_demo_phone
from core.sources.address import is_on_this_machine
from core.sources.store import Source
from core.workspaces.workspace import Workspace


def draw_demo_sender(workspace: Workspace, source: Source) -> None:
    """Draw the demo website's link or the demo phone's button; nothing for other kinds, or where others can send."""
    address = get_sender_address()
    if not is_on_this_machine(address) or not source.enabled:
        return
    if source.kind == "javascript":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("No site at hand?", width="content")
            st.link_button(
                "Open the demo website",
                f"{address}/demo/website/{source.write_key}",
                icon=":material/storefront:",
                type="tertiary",
            )
    elif source.kind in DEVICES:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("No app at hand?", width="content")
            pressed = st.button(
                "Let the demo phone view two screens", key="demo_phone", icon=":material/smartphone:", type="tertiary"
            )
        if pressed:
            with error_panel("using the demo phone") as attempt:
                use_demo_phone(source, address, now=workspace.now())
            if not attempt.failed:
                st.rerun()
