"""What every screen of the guided setup shares: the stepper, the gate, the way back."""

from __future__ import annotations

import streamlit as st

from components.navigation import find_screen
from components.other_browser import notice_others
from components.stepper import draw_stepper
from core.setup.guided_setup import Setup, Step, Tile, TileState, get_setup
from core.workspaces.workspace import Workspace

HOME = "../pages/getting_started.py"
STEP_PAGES = {
    Step.DATA_SOURCES: "../pages/select_data_sources.py",
    Step.CONNECTIONS: HOME,
    Step.IDENTIFIERS: "../pages/identifiers_and_traits.py",
    Step.CHECK: "../pages/check_configuration.py",
}


def draw_wizard_header(workspace: Workspace, title: str, step: str) -> Setup:
    """Draw title and stepper; on a locked step, draw why it is locked and where to go instead, and stop the page.

    Args:
        workspace: The opened workspace.
        title: The screen's own title.
        step: Which of the four numbered steps the screen belongs to, a key of `STEP_PAGES`.

    Returns:
        The setup as it is saved now.
    """
    setup = get_setup(workspace)
    here = setup.get_tile(Step(step))
    steps = [
        {
            "id": tile.step.value,
            "title": tile.title,
            "reason": tile.reason,
            "done": tile.state is TileState.COMPLETE,
            "open": tile.state is not TileState.LOCKED,
        }
        for tile in setup.tiles
    ]
    st.title(title, anchor=False)
    go = draw_stepper(steps, step, key="wizard_steps")
    if go and go != step:
        st.switch_page(STEP_PAGES[Step(go)])
    notice_others(setup, title)
    if here.state is TileState.LOCKED:
        _draw_locked_step(setup, here)
        st.stop()
    return setup


def _draw_locked_step(setup: Setup, here: Tile) -> None:
    way_on = next((tile for tile in setup.tiles if tile.state is TileState.OPEN), None)
    draw_locked(
        f"Step {here.number} is locked for now",
        here.reason,
        STEP_PAGES[way_on.step] if way_on else HOME,
        f"Go to step {way_on.number}, {way_on.title}" if way_on else find_screen("getting-started").label,
    )


def draw_locked(title: str, reason: str, page: str, label: str) -> None:
    """Draw why a screen cannot be used yet, with the link to where that is put right."""
    with st.container(border=True):
        st.markdown(f":material/lock: **{title}**  \n:gray[{reason}]")
        st.page_link(page, label=label, icon=":material/arrow_forward:")


def draw_back_link() -> None:
    """Draw the link to the start page."""
    st.page_link(HOME, label="Getting started with Segment", icon=":material/arrow_back:")
