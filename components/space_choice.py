"""Which space a person looks at: the first one, until they choose another in the menu; an address can name it too."""

from __future__ import annotations

import streamlit as st

from components.empty_state import draw_empty_state
from components.navigation import go_to
from components.state import SPACE, read_widget, write_widget
from core.workspaces.spaces import Space, list_spaces
from core.workspaces.workspace import Workspace

_KEY = "space_choice"


def choose_space(workspace: Workspace) -> Space | None:
    """Return the space that is looked at; None where there is none yet."""
    spaces = {space.slug: space for space in list_spaces(workspace)}
    if not spaces:
        return None
    asked = st.query_params.get("space")
    if asked in spaces:
        SPACE.write(asked)
    return spaces.get(SPACE.read() or "") or next(iter(spaces.values()))


def require_space(workspace: Workspace, icon: str, title: str, then: str = "") -> Space:
    """Return the space that is looked at; where there is none yet, say so with the way to one, and end the page here.

    Args:
        workspace: Whose spaces.
        icon: Of what the page shows.
        title: What there is not yet.
        then: What can be done once there is a space.
    """
    space = choose_space(workspace)
    if space is None:
        text = f"The guided setup makes the first space. {then}"
        if draw_empty_state(icon, title, text, action="Go to the guided setup", is_primary=True):
            go_to("getting-started")
        st.stop()
    return space


def draw_space_choice(workspace: Workspace) -> None:
    """Draw the choice where there are several spaces."""
    spaces = {space.slug: space for space in list_spaces(workspace)}
    current = choose_space(workspace)
    if current is None or len(spaces) == 1:
        return
    write_widget(_KEY, current.slug)
    st.selectbox(
        "Space",
        list(spaces),
        format_func=lambda slug: f"{spaces[slug].name} ({spaces[slug].kind})",
        key=_KEY,
        on_change=_switch,
    )


def _switch() -> None:
    SPACE.write(read_widget(_KEY))
    st.query_params.clear()  # what stands there is of the other space: a person, a page
