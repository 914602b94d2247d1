"""How a source is installed, step by step, with code to copy."""

from __future__ import annotations

import streamlit as st

from components.sender_address import draw_address_note, get_sender_address
from core.sources.instructions import write_instructions
from core.sources.store import Source

_MOBILE = ("swift", "kotlin")


def draw_instructions(source: Source) -> None:
    """Draw the steps for the source, filled with its write key and this server's address."""
    address = get_sender_address()
    steps = write_instructions(source.kind, str(source.write_key), address)
    for number, step in enumerate(steps, start=1):
        place = f"{number}. " if len(steps) > 1 else ""
        st.markdown(f"**{place}{step.title}**")
        if step.text:
            st.caption(step.text)
        st.code(step.code, language=step.language, wrap_lines=True)
    draw_address_note(address, needs_tls=source.kind in _MOBILE)
