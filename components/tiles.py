"""The home page's tiles: one a step, with its state, and the reason where it is locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

_BADGES: dict[str, tuple[str, str, Literal["gray", "blue", "green"]]] = {
    "locked": ("Locked", ":material/lock:", "gray"),
    "open": ("To do", ":material/radio_button_unchecked:", "blue"),
    "complete": ("Complete", ":material/check_circle:", "green"),
}


@dataclass(frozen=True, slots=True)
class HomeTile:
    """One tile.

    `state` is locked, open or complete; `reason` says why it is locked, or what is missing; `action` is its button's
    label, without which it has none; `is_primary` marks the one button of the page that leads on.
    """

    step: str
    title: str
    text: str
    state: str
    action: str | None = None
    reason: str | None = None
    is_primary: bool = False


def draw_tiles(tiles: Sequence[HomeTile], key: str) -> str | None:
    """Draw the tiles side by side, numbered in order; return the step whose button was pressed.

    A locked tile's button is shown disabled with its reason, so that a person sees what comes and what is missing.

    Args:
        tiles: The steps in their order.
        key: Start of the keys of everything drawn: `KEY_STEP` is a tile, `KEY_STEP_open` its button.
    """
    pressed: str | None = None
    with st.grid(max(1, len(tiles)), min_column_width=190, key=f"{key}_grid"):
        for number, tile in enumerate(tiles, start=1):
            if _draw_tile(number, tile, f"{key}_{tile.step}"):
                pressed = tile.step
    return pressed


def _draw_tile(number: int, tile: HomeTile, key: str) -> bool:
    label, icon, color = _BADGES[tile.state]
    is_locked = tile.state == "locked"
    with st.container(border=True, key=key, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[Step {number}]", width="content")
            st.badge(label, icon=icon, color=color)
        with st.container(height="stretch", gap="xsmall"):
            st.markdown(f"**{tile.title}**")
            if tile.text:
                st.markdown(f":gray[{tile.text}]")
            if tile.reason and tile.state != "complete":
                st.caption(f"{':material/lock: ' if is_locked else ''}{tile.reason}")
        if tile.action is None:
            return False
        return st.button(
            tile.action,
            key=f"{key}_open",
            type="primary" if tile.is_primary and not is_locked else "secondary",
            disabled=is_locked,
            help=tile.reason if is_locked and tile.reason else None,
            width="stretch",
        )
