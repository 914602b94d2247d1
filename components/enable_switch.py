"""Whether a source or a destination is enabled, and the button that changes it; disabling asks first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.confirm import confirm
from components.error_panel import error_panel


def draw_state(*, is_enabled: bool, is_protected: bool = False) -> None:
    """Draw the badge that says whether it is enabled, and one more if the workspace made it."""
    st.badge("Enabled" if is_enabled else "Disabled", color="green" if is_enabled else "gray")
    if is_protected:
        st.badge("Made by Onramp", icon=":material/lock:", color="gray")


def draw_enable_switch(
    noun: str,
    object_id: str,
    name: str,
    *,
    is_enabled: bool,
    consequence: str,
    enable: Callable[[], object],
    disable: Callable[[], object],
) -> None:
    """Draw **Enable**, or **Disable …** with a popup that tells what follows, and do what is pressed.

    Args:
        noun: What it is, for the sentence about a failure: `source`, `destination`.
        object_id: Its id, for the keys of the buttons.
        name: Its name.
        is_enabled: How it stands.
        consequence: What happens while it is disabled, as a sentence; Markdown.
        enable: Enables it.
        disable: Disables it.
    """
    if not is_enabled:
        if st.button("Enable", key=f"enable_{object_id}", icon=":material/toggle_on:"):
            with error_panel(f"enabling the {noun}"):
                enable()
                st.rerun()
    elif st.button("Disable …", key=f"disable_{object_id}", type="tertiary"):
        confirm(
            f"Disable {name}?",
            f"{consequence} Nothing that was received before is lost, and you can enable it at any time.",
            disable,
            confirm_label="Disable",
        )
