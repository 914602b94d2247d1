"""The live progress of work that runs elsewhere, redrawn every second without redrawing the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from components.error_panel import error_panel
from components.format import format_count, format_number


@dataclass(frozen=True, slots=True)
class Progress:
    """How far some work has come. `total` is None while it is not known; unit: `noun`."""

    label: str
    done: int = 0
    total: int | None = None
    noun: str = "record"
    is_finished: bool = False


def draw_progress(
    read: Callable[[], Progress],
    *,
    key: str,
    on_cancel: Callable[[], None] | None = None,
    cancel_label: str = "Cancel",
    every_s: float = 1.0,
) -> bool:
    """Draw what `read` returns and keep it fresh; redraw the whole page once it is finished.

    Returns:
        Whether the work was already finished when the page was drawn.
    """
    first = read()
    if first.is_finished:
        return True

    @st.fragment(run_every=every_s)
    def panel() -> None:
        with error_panel("reading progress"):
            now = read()
            if now.is_finished:
                st.rerun()
            with st.container(horizontal=True, vertical_alignment="center"):
                st.progress(_share(now), text=_sentence(now), width="stretch")
                if on_cancel is not None and st.button(cancel_label, key=f"{key}_cancel"):
                    on_cancel()

    panel()
    return False


def _share(progress: Progress) -> float:
    if not progress.total:
        return 0.0
    return min(1.0, max(0.0, progress.done / progress.total))


def _sentence(progress: Progress) -> str:
    if progress.total is None and not progress.done:
        return progress.label
    if progress.total is None:
        return f"{progress.label} · {format_count(progress.done, progress.noun)}"
    return f"{progress.label} · {format_number(progress.done)} of {format_count(progress.total, progress.noun)}"
