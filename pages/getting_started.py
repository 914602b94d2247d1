"""Getting started with Segment: the access gate, the four tiles, and the connections of step 2 (W3, W5-W7, W17-W20)."""

from collections.abc import Sequence

import streamlit as st

from components.connections_panel import PAGES as CONNECTION_PAGES
from components.connections_panel import draw_connections
from components.error_panel import error_panel
from components.navigation import draw_link
from components.state import get_workspace
from components.tiles import HomeTile, draw_tiles
from core.setup.guided_setup import Step, Tile, TileState, get_setup
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
NEXT = (
    ("profile-explorer", "Find a customer", "Search by e-mail, phone or id, and see where each value comes from."),
    ("syncs", "See what was delivered", "Every run with its sheet; what was refused says why."),
    ("event-debugger", "Watch events arrive", "Each call within a second, accepted or refused, and where it went."),
)
MORE = (
    ("overview", "Unified Profiles Overview", "What this workspace is made of: sources, destinations, profiles."),
    (
        "connect-existing-workspace",
        "Connect an Existing Workspace to Flex",
        "For a workspace that has a profile space already: what Flex needs of it, without the guided setup.",
    ),
    ("workspace-settings", "Entitlements and limitations", "How much of everything this workspace includes."),
)


def label_action(tile: Tile) -> str | None:
    """Return the label of the tile's button; a complete step 2 is changed by the buttons of its connections."""
    if tile.state is not TileState.COMPLETE:
        return tile.title
    return None if tile.step is Step.CONNECTIONS else "Look at it again"


def draw_cards(heading: str, cards: Sequence[tuple[str, str, str]]) -> None:
    """Draw where a person may want to go: (URL path, label, text) each."""
    st.subheader(heading, anchor=False)
    with st.grid(3, min_column_width=230):
        for url_path, label, text in cards:
            with st.container(border=True, height="stretch"):
                draw_link(url_path, label=label)
                st.caption(text)


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
        draw_cards("More", MORE)
        st.stop()

    setup = get_setup(workspace)
    st.caption("Four steps. Every change is saved as you make it; you can leave and come back at any time.")
    upcoming = next((tile.step for tile in setup.tiles if tile.state is TileState.OPEN), None)
    connection = next((one.connection for one in setup.connections if one.state is TileState.OPEN), None)
    chosen = draw_tiles(
        [
            HomeTile(
                step=tile.step,
                title=tile.title,
                text=TEXTS[tile.step],
                state=tile.state.value,
                action=label_action(tile),
                reason=tile.reason,
                is_primary=tile.step is upcoming,
            )
            for tile in setup.tiles
        ],
        key="home_tiles",
    )
    if chosen == Step.CONNECTIONS and connection is not None:
        st.switch_page(CONNECTION_PAGES[connection])
    if chosen is not None and chosen in PAGES:
        st.switch_page(PAGES[Step(chosen)])
    if setup.check_passed:
        draw_cards("What next", NEXT)
    if setup.confirmed:
        draw_connections(setup)
    draw_cards("More", MORE)  # W2, W4, W126
