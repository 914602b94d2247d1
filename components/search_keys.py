"""The keys of a search box: it has the focus when the page opens; Enter takes the first result."""

from __future__ import annotations

import streamlit as st

from components.assets import read_component_file

_mount = st.components.v2.component(
    "onramp_search_keys", html="<span hidden></span>\n\n", js=read_component_file("search_keys.js")
)


def draw_search_keys(box: str, key: str) -> str | None:
    """Give the keys to the text input with the key `box`; return what stood in it when Enter was pressed, once."""
    text = _mount(key=key, data={"box": box}, on_enter_change=_nothing).enter
    return text if isinstance(text, str) else None


def _nothing() -> None:
    """Stand in for a callback: Streamlit only hands out values that have one."""
