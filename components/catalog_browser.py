"""The tables of a warehouse to look through: a schema, its tables, the columns of a table; and to search in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from components.catalog import Catalog, get_catalog
from components.error_panel import error_panel
from components.format import format_count, format_number
from components.plain_text import escape_markdown
from components.state import read_widget
from core.warehouses.definition import ColumnInfo, TableInfo
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

SHOWN_TABLES = 100
SHOWN_COLUMNS = 200
OPENED_BY_SEARCH = 5
HEIGHT_PX = 340
_TALL, _LONG = 6, 10
_MORE = "Type a part of a name to find the others."


def draw_catalog(
    workspace: Workspace, record: WarehouseRecord, *, on_loaded: Callable[[], object] | None = None
) -> None:
    """Draw the catalog; what nobody opens is not asked for.

    Args:
        workspace: Where the warehouse is saved.
        record: Whose tables.
        on_loaded: Called when a person has opened more, which redraws this part of the page alone: an editor, drawn
            after this, completes it. Never in a run of the whole page, in which a press could be lost to it.
    """
    catalog, is_whole_page = get_catalog(workspace, record), True

    @st.fragment
    @error_panel("reading the tables")
    def panel() -> None:
        before = catalog.revision
        _draw_panel(catalog, f"catalog_{record.id}")
        if on_loaded is not None and not is_whole_page and catalog.revision != before:
            on_loaded()

    panel()
    is_whole_page = False


def _draw_panel(catalog: Catalog, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        text = st.text_input(
            "Find a table or column",
            placeholder="Find a table or column",
            type="search",
            live=True,
            label_visibility="collapsed",
            key=f"{key}_find",
        )
        if st.button("Refresh", icon=":material/refresh:", key=f"{key}_refresh", help="Read the list of tables anew."):
            catalog.forget()
    with error_panel("reading the list of schemas"), st.spinner("Reading the list of schemas …"):
        schemas = catalog.schemas()
        schema = _choose_schema(catalog, schemas, key)
        if schema:
            with error_panel("reading the list of tables"), st.spinner(f"Reading the tables of {schema} …"):
                _draw_schema(catalog, schema, (text or "").strip().casefold(), key)
        else:
            st.caption("There is no table that can be read.")


def _choose_schema(catalog: Catalog, schemas: Sequence[str], key: str) -> str:
    if len(schemas) < 2:
        return next(iter(schemas), "")
    first = schemas.index(catalog.default_schema)
    label = f"Schema :gray[· {format_number(len(schemas))}]"
    return str(st.selectbox(label, schemas, index=first, key=f"{key}_schema"))


def _draw_schema(catalog: Catalog, schema: str, text: str, key: str) -> None:
    names = catalog.names(schema)
    listed, below = st.container(), st.empty()
    if text and not all(catalog.knows(schema, name) for name in names):
        whose = "this table" if len(names) == 1 else f"all {format_count(len(names), 'table')}"
        if below.button(f"Search the columns of {whose}", icon=":material/search:", key=f"{key}_all"):
            with below, st.spinner("Reading all columns …"):
                catalog.read_all(schema)
            below.empty()
    found = [(name, _list_hits(catalog, schema, name, text)) for name in names]
    found = [(name, hits) for name, hits in found if hits or text in name.casefold()]
    with listed:
        _draw_tables(catalog, schema, found[:SHOWN_TABLES], text, key)
        if not found:
            told = f"No table of {escape_markdown(schema)} has “{escape_markdown(text)}” in its name."
            st.caption(told if names else "There is no table that can be read.")
        if len(found) > SHOWN_TABLES:
            st.caption(f"The first {SHOWN_TABLES} of {format_count(len(found), 'table')}. {_MORE}")


def _draw_tables(
    catalog: Catalog, schema: str, found: Sequence[tuple[str, Sequence[ColumnInfo]]], text: str, key: str
) -> None:
    widgets = [f"{key}/{schema}/{name}/{text if hits else ''}" for name, hits in found]
    is_tall = len(found) > _TALL or any(
        hits or (read_widget(widget) and _is_long(catalog.peek(schema, name)))
        for widget, (name, hits) in zip(widgets, found, strict=True)
    )
    to_open = OPENED_BY_SEARCH
    with st.container(height=HEIGHT_PX if is_tall else "content", gap="xxsmall", key=f"{key}_tables"):
        for widget, (name, hits) in zip(widgets, found, strict=True):
            is_opened = bool(hits) and to_open > 0
            to_open -= is_opened
            box = st.expander(
                f":material/table: {escape_markdown(name)}",
                expanded=is_opened,
                key=widget,
                type="compact",
                on_change="rerun",
            )
            if box.open:
                with box, error_panel("reading the columns"):
                    _draw_table(catalog.table(schema, name), hits)


def _is_long(table: TableInfo | None) -> bool:
    return table is None or len(table.columns) > _LONG


def _draw_table(table: TableInfo | None, hits: Sequence[ColumnInfo]) -> None:
    """Draw what one table holds; after a search, nothing but what was found."""
    if table is None:
        st.caption("It is gone. Press **Refresh** for the tables there are now.")
    elif hits:
        _draw_columns(hits)
    else:
        _draw_head(table)
        _draw_columns(table.columns)


def _draw_head(table: TableInfo) -> None:
    facts = [format_count(len(table.columns), "column")]
    if table.row_estimate is not None:
        facts.append(f"about {format_count(table.row_estimate, 'row')}")
    st.caption(" · ".join(facts) + (f"  \n{escape_markdown(table.comment)}" if table.comment else ""))


def _draw_columns(columns: Sequence[ColumnInfo]) -> None:
    st.markdown("  \n".join(_describe(column) for column in columns[:SHOWN_COLUMNS]))
    if len(columns) > SHOWN_COLUMNS:
        st.caption(f"The first {SHOWN_COLUMNS} of {format_count(len(columns), 'column')}. {_MORE}")


def _describe(column: ColumnInfo) -> str:
    name = f"`{column.name}`" if "`" not in column.name else escape_markdown(column.name)
    comment = f" · {escape_markdown(column.comment)}" if column.comment else ""
    return f"{name} :small[:gray[{escape_markdown(column.type)}]{comment}]"


def _list_hits(catalog: Catalog, schema: str, name: str, text: str) -> Sequence[ColumnInfo]:
    """Return the columns with `text` in their names, of a table that is known and whose own name does not have it."""
    table = catalog.peek(schema, name) if text and text not in name.casefold() else None
    return [column for column in table.columns if text in column.name.casefold()] if table else ()
