"""Connect an existing workspace to Flex: what Flex needs of a workspace that has a profile space (W4, W126, W129)."""

import streamlit as st

from components.error_panel import error_panel
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.state import get_workspace
from components.wizard import HOME, draw_back_link, draw_locked
from core.sources.store import list_sources
from core.workspaces.spaces import list_connected_sources, list_spaces
from core.workspaces.workspace import get_workspace_info

workspace = get_workspace()
st.title("Connect an existing workspace to Flex", anchor=False)

with error_panel():
    draw_back_link()
    st.markdown(
        "For a workspace that has a profile space already. Nothing is made or changed here: this page shows what there"
        " is to connect, and where each part is looked after."
    )
    spaces = list_spaces(workspace)
    if not spaces:
        draw_locked(
            "This workspace has no profile space yet",
            "The guided setup makes the space and everything that fills it.",
            HOME,
            "Getting started with Segment",
        )
        st.stop()
    sources = {source.id: source for source in list_sources(workspace)}
    st.markdown(f"**Workspace**  \n{escape_markdown(get_workspace_info(workspace).name)}")
    for space in spaces:
        with st.container(border=True):
            st.markdown(f"**Profile space: {escape_markdown(space.name)}**")
            left, right = st.columns(2)
            left.caption("Space ID")
            left.code(space.id, language=None)
            right.caption("Space slug")
            right.code(space.slug, language=None)
            connected = [sources[one] for one in list_connected_sources(workspace, space.id) if one in sources]
            names = ", ".join(sorted(escape_markdown(source.name) for source in connected))
            st.caption(f"Fed by: {names or 'no source yet'}")
    st.subheader("Where each part is looked after", anchor=False)
    for url_path, text in (
        ("overview", "Sources and destinations."),
        ("warehouses", "Where customer data is read from."),
        ("syncs", "What is sent from the warehouse to profiles, and when."),
        ("identifiers-and-traits", "What ties a person together, and what is computed."),
        ("profile-explorer", "Look a customer up, as an agent would."),
        ("event-debugger", "See what arrives, as it arrives."),
    ):
        draw_link(url_path)
        st.caption(text)
