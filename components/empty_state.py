"""A calm place where there is nothing to show yet: what it is, why it is empty, what to do."""

from __future__ import annotations

import streamlit as st


def draw_empty_state(
    icon: str, title: str, text: str, *, action: str | None = None, key: str = "empty", is_primary: bool = False
) -> bool:
    """Draw icon, title and text in the middle of a frame; return whether its button was pressed.

    Args:
        icon: A material icon such as ":material/sync:".
        title: What is missing, in a few words.
        text: Why, and what happens once it is there; one or two sentences.
        action: The button's label; no button without it.
        key: The frame's and the button's key.
        is_primary: Whether the button is the page's main one.
    """
    with st.container(border=True, horizontal_alignment="center", key=f"{key}_frame"):
        st.markdown(f":gray[{icon}]", width="content")
        st.markdown(f"**{title}**", width="content", text_alignment="center")
        st.markdown(f":gray[{text}]", width=460, text_alignment="center")
        if action is None:
            return False
        return st.button(action, key=key, type="primary" if is_primary else "secondary")
