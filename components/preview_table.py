"""The first rows of a query, as they come, with each column's type."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import pandas as pd
import pyarrow as pa
import streamlit as st

from components.format import shorten
from core.records import read_values, to_json_value
from core.warehouses.definition import read_columns

_MAX_CELL_CHARS = 2000
_NUMBER_KINDS = frozenset({"integer", "decimal", "float"})


class ColumnLike(Protocol):
    """A column's name, the engine's own name of its type, and the kind we sort it under."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102


class PreviewLike(Protocol):
    """Columns and rows of a query."""

    @property
    def columns(self) -> Sequence[ColumnLike]: ...  # noqa: D102
    @property
    def rows(self) -> pa.Table: ...  # noqa: D102


def draw_preview_table(preview: PreviewLike, *, key: str = "preview") -> None:
    """Draw the rows with a line of types above the names; NULL shows as an empty, grey cell, '' as ''."""
    if not preview.columns:
        st.caption("The query returns no column.")
        return
    cells = [
        [_cell(value, str(column.kind)) for value in read_values(preview.rows.column(index))]
        for index, column in enumerate(preview.columns)
    ]
    frame = pd.DataFrame(dict(enumerate(cells)), dtype=object)
    frame.columns = pd.MultiIndex.from_tuples(_headings(preview.columns), names=["type", "column"])
    st.dataframe(frame, hide_index=True, key=key, placeholder="null", height="content")
    if preview.rows.num_rows == 0:
        st.caption("The query runs and returns no row.")


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return rows of a warehouse as a frame to show, each value as `draw_preview_table` shows it."""
    cells = {
        column.name: [_cell(value, column.kind) for value in read_values(rows.column(index))]
        for index, column in enumerate(read_columns(rows.schema))
    }
    return pd.DataFrame(cells, dtype=object)


def _headings(columns: Sequence[ColumnLike]) -> list[tuple[str, str]]:
    """Return type and name per column; a name that comes twice is numbered, because a table needs names of its own."""
    seen: Counter[str] = Counter()
    headings = []
    for column in columns:
        seen[column.name] += 1
        name = column.name if seen[column.name] == 1 else f"{column.name} ({seen[column.name]})"
        headings.append((shorten(column.type.lower(), 24), name))
    return headings


def _cell(value: object, kind: str) -> object:
    if value is None:
        return None
    plain = to_json_value(value)
    if kind in _NUMBER_KINDS and isinstance(plain, int | float):
        return plain
    if isinstance(plain, bool):
        return "true" if plain else "false"
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return "''" if text == "" else text[:_MAX_CELL_CHARS]
