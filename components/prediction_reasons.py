"""What a prediction said of one person and why, on the person's page and among those placed highest."""

from __future__ import annotations

import streamlit as st

from components.format import format_number, format_share
from components.plain_text import escape_markdown
from core.profiles.profile import TraitOrigin


def describe_said(origin: TraitOrigin, currency: str = "") -> str:
    """Return the chance or the amount that stands behind a score, as plain text; empty where there is none."""
    if origin.amount is not None:
        return f"{format_number(origin.amount)} {currency}".strip() + " expected"
    return "" if origin.chance is None else f"A chance of {format_share(origin.chance)}"


def draw_reasons(origin: TraitOrigin) -> None:
    """Draw the reasons a line each, with the direction in which they pull."""
    for sentence, raises in origin.reasons:
        icon = ":material/arrow_upward:" if raises else ":material/arrow_downward:"
        st.markdown(f":small[:gray[{icon} {escape_markdown(sentence)}]]")
