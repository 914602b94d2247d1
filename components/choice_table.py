"""A table from which a person picks one row. The choice is an id, so it stays when rows come and go around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from components.format import NONE
from components.state import CHOICE, read_widget, write_widget

ROW_HEIGHT_PX = 31
MAX_ROWS_SHOWN = 14


def draw_choice_table(
    columns: Mapping[str, Sequence[object]],
    ids: Sequence[str],
    chosen: str | None,
    *,
    key: str,
    alt: str,
    column_config: Mapping[str, Any] | None = None,
) -> str | None:
    """Draw the rows and return the id of the one a person picked; `chosen` until they pick another.

    The browser knows a selection by its position only. A click is therefore read against the rows that were on the
    screen when it was made, and the mark is moved when the rows have moved since.

    Args:
        columns: The cells, by the column's heading; each as long as `ids`.
        ids: The row's ids, in the order of the rows.
        chosen: What is chosen so far, whether it is among `ids` or not.
        key: The table's session key; one for each place on a page.
        alt: What the table holds, for screen readers.
        column_config: As of `st.dataframe`.
    """
    widget, memory = f"{key}_rows", CHOICE.read(key)
    state = read_widget(widget)
    marked = list(state["selection"]["rows"]) if state is not None else []
    if memory is not None and state is not None and memory["chosen"] == chosen:
        before: Sequence[str] = memory["ids"]
        if marked and marked[0] < len(before):
            chosen = before[marked[0]]
        elif chosen in before:  # it was marked, and now nothing is
            chosen = None
    wanted = [ids.index(chosen)] if chosen in ids else []
    if wanted != marked:
        write_widget(widget, {"selection": {"rows": wanted, "columns": [], "cells": []}})
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=widget,
        height=ROW_HEIGHT_PX * (1 + min(len(ids), MAX_ROWS_SHOWN)) + 4,
        column_config=dict(column_config or {}),
        placeholder=NONE,
        alt=alt,
    )
    CHOICE.write({"ids": list(ids), "chosen": chosen}, key)
    return chosen
