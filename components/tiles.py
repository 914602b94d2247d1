"""The home page's tiles: one a step, with its state, and the reason where it is locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

import streamlit as st

_BADGES: dict[str, tuple[str, str, Literal["gray", "blue", "green"]]] = {
    "locked": ("Locked", ":material/lock:", "gray"),
    "open": ("To do", ":material/radio_button_unchecked:", "blue"),
    "complete": ("Complete", ":material/check_circle:", "green"),
}
_NONE: Mapping[str, str] = MappingProxyType({})


class TileLike(Protocol):
    """What a tile shows: `state` is locked, open or complete; `reason` says why it is locked or what is missing."""

    @property
    def step(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102


def draw_tiles(
    tiles: Sequence[TileLike],
    key: str,
    *,
    texts: Mapping[str, str] = _NONE,
    actions: Mapping[str, str] = _NONE,
) -> str | None:
    """Draw the tiles side by side, numbered in order; return the step whose button was pressed.

    A locked tile's button is shown disabled with its reason, so that a person sees what comes and what is missing.
    The first open tile has the page's primary button.

    Args:
        tiles: The steps in their order.
        key: Start of the keys of everything drawn: `KEY_STEP` is a tile, `KEY_STEP_open` its button.
        texts: A sentence a step.
        actions: Label of a step's button; without one, its title while it is to do and "Review" once complete.
    """
    pressed: str | None = None
    first_open = next((tile.step for tile in tiles if tile.state == "open"), None)
    with st.grid(max(1, len(tiles)), min_column_width=230, key=f"{key}_grid"):
        for number, tile in enumerate(tiles, start=1):
            label = actions.get(tile.step) or ("Review" if tile.state == "complete" else tile.title)
            is_pressed = _draw_tile(
                number, tile, f"{key}_{tile.step}", texts.get(tile.step, ""), label, is_first=tile.step == first_open
            )
            if is_pressed:
                pressed = tile.step
    return pressed


def _draw_tile(number: int, tile: TileLike, key: str, text: str, action: str, *, is_first: bool) -> bool:
    label, icon, color = _BADGES[str(tile.state)]
    is_locked = str(tile.state) == "locked"
    with st.container(border=True, key=key, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[Step {number}]", width="content")
            st.badge(label, icon=icon, color=color)
        with st.container(height="stretch", gap="xsmall"):
            st.markdown(f"**{tile.title}**")
            if text:
                st.markdown(f":gray[{text}]")
            if tile.reason and tile.state != "complete":
                st.caption(f"{':material/lock: ' if is_locked else ''}{tile.reason}")
        return st.button(
            action,
            key=f"{key}_open",
            type="primary" if is_first else "secondary",
            disabled=is_locked,
            help=tile.reason if is_locked and tile.reason else None,
            width="stretch",
        )
