"""Getting started with Segment: the access gate, the four tiles, and the connections of step 2 (W3, W5-W7, W17-W20)."""

import streamlit as st

from components.connections_panel import draw_connections
from components.error_panel import error_panel
from components.state import get_workspace
from components.tiles import HomeTile, draw_tiles
from core.setup.guided_setup import Step, TileState, get_setup
from core.workspaces.workspace import Access, get_workspace_info, request_access

PAGES = {
    Step.DATA_SOURCES: "../pages/select_data_sources.py",
    Step.IDENTIFIERS: "../pages/identifiers_and_traits.py",
    Step.CHECK: "../pages/check_configuration.py",
}
TEXTS = {
    Step.DATA_SOURCES: "Say where your customer data lives.",
    Step.CONNECTIONS: "Connect it, choose the rows, map the columns.",
    Step.IDENTIFIERS: "Say what ties a person together, and what to compute.",
    Step.CHECK: "Press one button that checks everything.",
}

workspace = get_workspace()
st.title("Getting started with Segment", anchor=False)

with error_panel():
    access = get_workspace_info(workspace).access
    if access is not Access.ACCEPTED:
        with st.container(border=True):
            st.subheader("Unified profiles for your contact centre", anchor=False)
            st.markdown(
                "This guided setup makes a workspace and a profile space, connects your customer data, and checks"
                " everything. It takes about ten minutes and nothing is sent anywhere but into this workspace."
            )
            st.page_link(
                "../pages/workspace_settings.py",
                label="What the workspace includes: entitlements and limitations",
                icon=":material/checklist:",
            )
            if access is Access.NONE:
                if st.button("Request access", type="primary", icon=":material/key:"):
                    request_access(workspace)
                    st.rerun()
            else:
                st.info(
                    "Access is requested. Whoever runs this server accepts it with `python -m core access accept`.",
                    icon=":material/hourglass_top:",
                )
                st.button("Look again", icon=":material/refresh:")
        st.stop()

    setup = get_setup(workspace)
    st.caption("Four steps. Every change is saved as you make it; you can leave and come back at any time.")
    upcoming = next((tile.step for tile in setup.tiles if tile.state is TileState.OPEN), None)
    chosen = draw_tiles(
        [
            HomeTile(
                step=tile.step,
                title=tile.title,
                text=TEXTS[tile.step],
                state=tile.state.value,
                action=None
                if tile.step is Step.CONNECTIONS
                else "Look at it again"
                if tile.state is TileState.COMPLETE
                else tile.title,
                reason=tile.reason,
                is_primary=tile.step is upcoming,
            )
            for tile in setup.tiles
        ],
        key="home_tiles",
    )
    if chosen is not None:
        st.switch_page(PAGES[Step(chosen)])
    if setup.confirmed:
        draw_connections(setup)

    st.divider()
    st.caption("More")
    with st.container(horizontal=True):
        st.page_link("../pages/overview.py", label="Unified Profiles overview", icon=":material/hub:")
        st.page_link(
            "../pages/workspace_settings.py", label="Entitlements and limitations", icon=":material/checklist:"
        )
