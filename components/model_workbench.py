"""The pieces of the Define Model screen: catalog, samples, preview, columns, worst rows, unique identifier."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.column_profile import draw_column_profiles
from components.format import format_duration, format_number
from components.preview_table import draw_preview_table, to_frame
from core.sql_models.column_profile import ColumnProfile, profile_columns
from core.sql_models.key_check import KeyCheck, check_key, propose_key
from core.sql_models.preview import Preview, preview
from core.sql_models.templates import list_templates
from core.sql_models.worst_rows import find_worst_rows
from core.warehouses.definition import TableInfo
from core.warehouses.warehouse import Warehouse

CACHE_S = 300


def draw_catalog(warehouse: Warehouse, warehouse_id: str) -> dict[str, list[str]]:
    """Draw the searchable list of tables and return it as {schema.table: [columns]} for completion."""
    tables = _list_tables(warehouse, warehouse_id)
    text = st.text_input(
        "Find", placeholder="Find a table or column", label_visibility="collapsed", key="catalog_search"
    ).lower()
    with st.container(height=340, border=True):
        for table in tables:
            columns = [column for column in table.columns if text in column.name.lower()]
            if text and not columns and text not in table.name.lower():
                continue
            with st.expander(f":material/table: {table.schema}.{table.name}", expanded=bool(text)):
                if table.comment:
                    st.caption(table.comment)
                st.markdown("  \n".join(f"`{column.name}` :gray[{column.type}]" for column in columns or table.columns))
    return {f"{table.schema}.{table.name}": [column.name for column in table.columns] for table in tables}


def draw_templates(dialect: str) -> None:
    """Draw the sample queries (W29, W100)."""
    with st.expander("Sample SQL queries", icon=":material/lightbulb:"):
        for template in list_templates(dialect):
            st.markdown(f"**{template.label}**  \n:gray[{template.description}]")
            st.code(template.sql, language="sql")


def draw_preview(warehouse: Warehouse, warehouse_id: str, sql: str) -> Preview:
    """Run the preview and draw it; stops the page with a sentence where there is no row."""
    with st.spinner("Running the query …"):
        result = _preview(warehouse, warehouse_id, sql)
    st.subheader("Preview", anchor=False)
    st.caption(f"The first {result.rows.num_rows} records · {format_duration(result.took_ms / 1000)}")
    for warning in result.warnings:
        st.warning(warning, icon=":material/warning:")
    draw_preview_table(result)
    return result


def draw_column_view(warehouse: Warehouse, warehouse_id: str, sql: str) -> Sequence[ColumnProfile]:
    """Draw per column null share, distinct count, longest value and samples, over all rows; and the worst rows."""
    with st.spinner("Reading all rows …"):
        profiles = _profile(warehouse, warehouse_id, sql)
    columns, worst = st.tabs(["Every column, all rows", "Worst rows"])
    with columns:
        draw_column_profiles(profiles)
    with worst:
        key = propose_key(profiles).column
        found = _worst_rows(warehouse, warehouse_id, sql, key, profiles)
        if not found:
            st.success("Nothing stands out.", icon=":material/check_circle:")
        for group in found:
            st.markdown(f"**{group.title}**  \n:gray[{group.explanation}]")
            st.dataframe(to_frame(group.rows), hide_index=True)
    return profiles


def draw_key_choice(
    warehouse: Warehouse, warehouse_id: str, sql: str, profiles: Sequence[ColumnProfile], result: Preview
) -> str | None:
    """Draw the choice of the unique identifier column, verified on all rows, and return it; duplicates are shown."""
    proposal = propose_key(profiles)
    names = [column.name for column in result.columns]
    st.subheader("Unique identifier", anchor=False)
    chosen = st.selectbox(
        "Column that names each record",
        names,
        index=names.index(proposal.column) if proposal.column in names else None,
        help=proposal.reason,
        key="key_column",
    )
    st.caption(proposal.reason)
    if chosen is None:
        return None
    check = _check_key(warehouse, warehouse_id, sql, chosen)
    if check.ok:
        st.success(f"`{chosen}` is unique and filled in all {format_number(check.rows)} rows.", icon=":material/key:")
    else:
        st.warning(
            f"{format_number(check.duplicate_rows)} rows share a value of `{chosen}` and {format_number(check.nulls)}"
            " rows have none. These rows will be rejected by the sync, each with its reason; the others are sent.",
            icon=":material/warning:",
        )
        if check.duplicates.num_rows:
            st.dataframe(to_frame(check.duplicates), hide_index=True)
    return chosen


# Cached by the warehouse's id and the text; the opened warehouse itself (`_warehouse`) is not part of the key.
@st.cache_data(ttl=CACHE_S, show_spinner=False)
def _list_tables(_warehouse: Warehouse, warehouse_id: str) -> list[TableInfo]:
    return _warehouse.list_tables()


@st.cache_data(ttl=CACHE_S, show_spinner=False, max_entries=32)
def _preview(_warehouse: Warehouse, warehouse_id: str, sql: str) -> Preview:
    return preview(_warehouse, sql)


@st.cache_data(ttl=CACHE_S, show_spinner=False, max_entries=32)
def _profile(_warehouse: Warehouse, warehouse_id: str, sql: str) -> Sequence[ColumnProfile]:
    return profile_columns(_warehouse, sql)


@st.cache_data(ttl=CACHE_S, show_spinner=False, max_entries=32)
def _worst_rows(
    _warehouse: Warehouse, warehouse_id: str, sql: str, key: str | None, _profiles: Sequence[ColumnProfile]
) -> Sequence[object]:
    return find_worst_rows(_warehouse, sql, key, _profiles)


@st.cache_data(ttl=CACHE_S, show_spinner=False, max_entries=64)
def _check_key(_warehouse: Warehouse, warehouse_id: str, sql: str, column: str) -> KeyCheck:
    return check_key(_warehouse, sql, column)
