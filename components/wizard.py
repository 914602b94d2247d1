"""What every screen of the guided setup shares: the stepper, the gate, the way back."""

from __future__ import annotations

import streamlit as st

from components.stepper import draw_stepper
from core.setup.guided_setup import Setup, TileState, get_setup
from core.workspaces.workspace import Workspace

HOME = "../pages/getting_started.py"
STEP_PAGES = {
    "select-data-sources": "../pages/select_data_sources.py",
    "add-connections": HOME,
    "identifiers-and-traits": "../pages/identifiers_and_traits.py",
    "check-configuration": "../pages/check_configuration.py",
}


def draw_wizard_header(workspace: Workspace, title: str, step: str) -> Setup:
    """Draw title and stepper; send a visitor of a locked step to the start page, with the reason as a toast.

    Args:
        workspace: The opened workspace.
        title: The screen's own title.
        step: Which of the four numbered steps the screen belongs to, a key of `STEP_PAGES`.

    Returns:
        The setup as it is saved now.
    """
    setup = get_setup(workspace)
    here = next((tile for tile in setup.tiles if tile.step == step), None)
    if here is None or here.state is TileState.LOCKED:
        st.toast(here.reason if here else "Request access first.", icon=":material/lock:")
        st.switch_page(HOME)
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
        st.switch_page(STEP_PAGES[go])
    return setup


def draw_back_link() -> None:
    """Draw the link to the start page."""
    st.page_link(HOME, label="Getting started with Segment", icon=":material/arrow_back:")
