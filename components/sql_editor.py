"""The SQL editor: highlighting, completion of tables and columns, an error mark, Ctrl+Enter; else a plain text box."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from components.assets import asset_address, read_component_file
from components.controlled import Controlled
from components.state import EDITOR_TEXT, read_component, write_component
from core.errors import CoreError

BUNDLE = "sql_editor.js"
_HEIGHT_PX = 300
_PLACE = re.compile(r"\bline (\d+)(?:\D{1,12}col(?:umn)? (\d+))?", re.IGNORECASE)

_mount = st.components.v2.component(
    "onramp_sql_editor",
    html='<div class="editor"></div>\n\n',
    css=read_component_file("sql_editor.css"),
    js=read_component_file("sql_editor.js"),
)


@dataclass(frozen=True, slots=True)
class SqlEditorState:
    """The text as it stands, and whether Ctrl+Enter was pressed just now."""

    text: str
    run: bool


def draw_sql_editor(
    value: str,
    catalog: Mapping[str, Sequence[str]],
    dialect: str,
    key: str,
    *,
    error: CoreError | None = None,
    label: str = "SQL",
    default_schema: str = "main",
    height_px: int = _HEIGHT_PX,
) -> SqlEditorState:
    """Draw the editor and return its text; it reports 600 ms after the last key, on leaving it, and on Ctrl+Enter.

    Args:
        value: The saved text. The editor follows it when it is changed from elsewhere, such as by taking a sample.
        catalog: Columns per table, by `schema.table`, for completion.
        dialect: duckdb, postgres, redshift, snowflake or bigquery; anything else is standard SQL.
        key: Session key; another key is another editor.
        error: What the warehouse or the guard said about the text; its place is marked where it names one.
        label: What a screen reader calls the editor.
        default_schema: The schema whose tables complete without it.
        height_px: How tall it is.
    """
    address = asset_address(BUNDLE)
    if address is None or read_component(key, "unavailable"):
        return _draw_plain(value, key, label, height_px)
    state: Controlled[str] = Controlled(key, value, read_component(key, "value"))
    if state.is_replaced:
        write_component(key, "value", value)
    data = {
        "src": address,
        "value": state.value,
        "rev": state.revision,
        "catalog": {table: list(columns) for table, columns in catalog.items()},
        "default_schema": default_schema,
        "dialect": dialect,
        "label": label,
        "placeholder": "SELECT … FROM …",
        "height": height_px,
        "error": _describe_error(error),
    }
    result = _mount(
        key=key, data=data, on_value_change=_nothing, on_run_change=_nothing, on_unavailable_change=_nothing
    )
    # Ctrl+Enter carries its own text: the state of the same moment may still be on its way.
    pressed = result.run if isinstance(result.run, str) else None
    return SqlEditorState(state.value if pressed is None else pressed, pressed is not None)


def read_typed_sql(key: str) -> str | None:
    """Return the text in the editor mounted under `key`, before it is drawn; None where it is not on the screen."""
    typed = read_component(key, "value")
    return typed if isinstance(typed, str) else EDITOR_TEXT.read(key)


def _draw_plain(value: str, key: str, label: str, height_px: int) -> SqlEditorState:
    """Draw a text box: for an install whose browser assets were not built, or a browser that could not load them."""
    box = EDITOR_TEXT.key(key)
    state: Controlled[str] = Controlled(f"{key}_plain", value, EDITOR_TEXT.read(key))
    EDITOR_TEXT.write(state.value, key)
    text = st.text_area(label, key=box, height=height_px, placeholder="SELECT … FROM …", label_visibility="collapsed")
    st.caption(":material/info: A plain text box, because the SQL editor is not built: run `python frontend/build.py`.")
    return SqlEditorState(text, False)


def _describe_error(error: CoreError | None) -> dict[str, object] | None:
    if error is None:
        return None
    line, column = error.context.get("line"), error.context.get("column")
    if not isinstance(line, int):
        found = _PLACE.search(error.message)
        if found is None:
            return None
        line, column = int(found[1]), int(found[2] or 1)
    return {"line": line, "column": column if isinstance(column, int) else 1, "message": error.message}


def _nothing() -> None:
    """Stand in for a callback: Streamlit only hands out values that have one."""
