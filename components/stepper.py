"""Where in a sequence of steps a person is; done steps can be returned to, locked ones explain themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import streamlit as st

from components.assets import read_component_file


class Step(TypedDict, total=False):
    """One step. `open` says whether it may be entered; `reason` why not."""

    id: str
    title: str
    done: bool
    open: bool
    reason: str


_mount = st.components.v2.component(
    "onramp_stepper",
    html='<nav aria-label="Steps"><ol></ol></nav>\n\n',
    css=read_component_file("stepper.css"),
    js=read_component_file("stepper.js"),
)


def draw_stepper(steps: Sequence[Step | Mapping[str, object]], current: str, key: str) -> str | None:
    """Draw the steps with `current` marked; return the id of the step a person asked for, once.

    Keyboard: Tab to the steps, arrow keys between them, Enter to go. On a phone the strip scrolls to the current one.
    """
    shown = [
        {
            "id": str(step["id"]),
            "title": str(step["title"]),
            "done": bool(step.get("done")),
            "open": bool(step.get("open", True)),
            "reason": str(step.get("reason") or ""),
        }
        for step in steps
    ]
    result = _mount(key=key, data={"steps": shown, "current": current}, on_go_change=_nothing)
    known = {step["id"] for step in shown if step["open"]}
    return result.go if result.go in known else None


def _nothing() -> None:
    """Stand in for a callback: Streamlit only hands out values that have one."""
