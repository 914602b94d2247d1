"""What the columns of a query hold, over all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd
import streamlit as st

from components.format import format_count, shorten

_SAMPLES_SHOWN = 3


class ColumnProfileLike(Protocol):
    """One column, counted over all rows."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def nulls(self) -> int: ...  # noqa: D102
    @property
    def null_share(self) -> float: ...  # noqa: D102
    @property
    def distinct(self) -> int: ...  # noqa: D102
    @property
    def longest_chars(self) -> int | None: ...  # noqa: D102
    @property
    def longest(self) -> str | None: ...  # noqa: D102
    @property
    def minimum(self) -> object: ...  # noqa: D102
    @property
    def maximum(self) -> object: ...  # noqa: D102
    @property
    def sample(self) -> Sequence[str]: ...  # noqa: D102


def draw_column_profiles(profiles: Sequence[ColumnProfileLike], *, key: str = "column_profiles") -> None:
    """Draw a row per column: how much of it is filled, how many values differ, its extremes and samples."""
    if not profiles:
        st.caption("There is no column to look at.")
        return
    st.caption(f"{format_count(len(profiles), 'column')}, counted over all {format_count(profiles[0].rows, 'row')}")
    frame = pd.DataFrame(
        {
            "Column": [profile.name for profile in profiles],
            "Type": [shorten(profile.type.lower(), 24) for profile in profiles],
            "Filled": [100 * (1 - profile.null_share) for profile in profiles],
            "Nulls": [profile.nulls for profile in profiles],
            "Distinct": [profile.distinct for profile in profiles],
            "Longest": [profile.longest_chars for profile in profiles],
            "Samples": [_samples(profile) for profile in profiles],
            "Smallest": [_extreme(profile.minimum) for profile in profiles],
            "Largest": [_extreme(profile.maximum) for profile in profiles],
            "Longest value": [shorten(profile.longest or "", 80) for profile in profiles],
        }
    )
    st.dataframe(frame, hide_index=True, key=key, column_config=_column_config())


def _column_config() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "Column": text(pinned=True),
        "Filled": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100, width="small"),
        "Nulls": number(format="localized", width="small"),
        "Distinct": number(format="localized", width="small", help="How many different values there are."),
        "Longest": number(format="localized", width="small", help="Characters of the longest value."),
        "Samples": text(width="large"),
        "Longest value": text(width="medium"),
    }


def _samples(profile: ColumnProfileLike) -> str:
    return " · ".join(shorten(str(value), 32) for value in profile.sample[:_SAMPLES_SHOWN])


def _extreme(value: object) -> str:
    return "" if value is None else shorten(str(value), 32)
