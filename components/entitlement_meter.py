"""How much of what the workspace includes is in use."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.format import format_number
from core.setup.entitlements import Usage


def draw_meters(usages: Sequence[Usage]) -> None:
    """Draw one bar an entitlement, used of allowed, with the note on what counts."""
    with st.grid(min_column_width=210):
        for usage in usages:
            with st.container(border=True, gap="small", height="stretch"):
                st.markdown(
                    f"**{usage.label[0].upper()}{usage.label[1:]}**  \n"
                    f"{format_number(usage.used)} of {format_number(usage.limit)} used"
                )
                st.progress(min(1.0, usage.used / usage.limit))
                st.caption(usage.note if usage.remaining else f"None left. {usage.note}")
