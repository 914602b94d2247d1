"""The balance sheet of a run: every record that was read, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd
import streamlit as st

from components.assets import read_component_file
from components.format import format_count, format_number, format_share
from components.sync_words import describe_reason

_PARTS = (("delivered", "Delivered"), ("unchanged", "Unchanged"), ("rejected", "Rejected"), ("held", "Held back"))


class SheetLike(Protocol):
    """Counts of one run; unit: records."""

    @property
    def extracted(self) -> int: ...  # noqa: D102
    @property
    def delivered(self) -> int: ...  # noqa: D102
    @property
    def unchanged(self) -> int: ...  # noqa: D102
    @property
    def rejected(self) -> int: ...  # noqa: D102
    @property
    def held(self) -> int: ...  # noqa: D102
    @property
    def reasons(self) -> Mapping[str, int]: ...  # noqa: D102


_mount = st.components.v2.component(
    "onramp_balance_sheet",
    html='<div class="sheet"></div>\n\n',
    css=read_component_file("balance_sheet.css"),
    js=read_component_file("balance_sheet.js"),
)


def draw_balance_sheet(sheet: SheetLike, *, key: str | None = None, notes: Sequence[str] = ()) -> None:
    """Draw `extracted = delivered + unchanged + rejected + held`, to scale, and why records were not delivered.

    Args:
        sheet: The counts.
        key: The component's session key.
        notes: Further sentences below the sum.
    """
    counts = {name: int(getattr(sheet, name)) for name, _ in _PARTS}
    closes = sum(counts.values()) == sheet.extracted
    parts = [
        {
            "id": name,
            "label": label,
            "count": counts[name],
            "text": format_number(counts[name]),
            "share": format_share(counts[name] / sheet.extracted) if sheet.extracted else "",
        }
        for name, label in _PARTS
    ]
    _mount(key=key, data={"extracted": format_number(sheet.extracted), "parts": parts, "closes": closes})
    # The same in words: for screen readers, for copying, and for tests that have no browser.
    sums = " + ".join(f"{part['text']} {str(part['label']).lower()}" for part in parts)
    st.caption(f"{format_number(sheet.extracted)} extracted = {sums}.")
    for note in notes:
        st.caption(note)
    if not closes:
        missing = sheet.extracted - sum(counts.values())
        st.error(
            f"The sheet does not close: {format_count(missing, 'record')} unaccounted for.", icon=":material/error:"
        )
    _draw_reasons(sheet.reasons)


def _draw_reasons(reasons: Mapping[str, int]) -> None:
    rows = sorted(((code, count) for code, count in reasons.items() if count), key=lambda row: (-row[1], row[0]))
    if not rows:
        return
    st.markdown("**Why records were not delivered**")
    st.dataframe(
        pd.DataFrame(
            {
                "Records": [count for _, count in rows],
                "Reason": [describe_reason(code) for code, _ in rows],
                "Code": [code for code, _ in rows],
            }
        ),
        hide_index=True,
        column_config={"Records": st.column_config.NumberColumn(format="localized", width="small")},
    )
