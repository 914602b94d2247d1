"""The form of SQL traits: a query is checked, then made or changed."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from components.error_panel import error_panel
from components.format import format_count
from components.navigation import go_to
from components.plain_text import escape_markdown
from components.preview_table import to_frame
from components.state import SQL_TRAITS_CHECK
from components.sync_words import describe_interval
from core.setup.sql_traits import (
    DEFAULT_INTERVAL_MINUTES,
    INTERVALS_MINUTES,
    MAX_COLUMNS,
    SqlTraitsCheck,
    SqlTraitsSync,
    check_sql_traits,
    create_sql_traits,
    edit_sql_traits,
)
from core.sql_models.sql_model import get_sql_model
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace


def draw_sql_traits_form(
    workspace: Workspace,
    space_id: str,
    warehouses: Mapping[str, WarehouseRecord],
    edited: SqlTraitsSync | None = None,
) -> bool:
    """Draw the form of another query, or of `edited`; return whether changes were saved. What is made, it shows."""
    scope = edited.sync.id if edited else "new"
    model = get_sql_model(workspace, edited.sync.sql_model_id) if edited else None
    name = ""
    if model is None:
        name = st.text_input("Name", placeholder="Customer value", max_chars=80, key="sql_traits_name")
    chosen = model.warehouse_id if model else None
    warehouse_id = st.selectbox(
        "Warehouse",
        [chosen] if chosen else list(warehouses),
        format_func=lambda each: warehouses[each].name,
        disabled=chosen is not None,
        key=f"sql_traits_warehouse_{scope}",
    )
    sql = st.text_area(
        "Query",
        value=model.sql if model else "",
        placeholder="SELECT user_id, plan, lifetime_value FROM customers",
        height=160,
        key=f"sql_traits_sql_{scope}",
    )
    st.caption(
        "One row a person, by user_id, email or anonymous_id, or one an account, by group_id;"
        f" and up to {MAX_COLUMNS - 1} texts or numbers. The names of the columns become the names of the traits."
    )
    current = edited.sync.interval_minutes if edited else DEFAULT_INTERVAL_MINUTES
    minutes = st.selectbox(
        "Schedule",
        INTERVALS_MINUTES,
        index=INTERVALS_MINUTES.index(current) if current in INTERVALS_MINUTES else None,
        format_func=describe_interval,
        key=f"sql_traits_interval_{scope}",
        width=220,
    )
    asked, check = (warehouse_id, sql), SQL_TRAITS_CHECK.read()
    with st.container(horizontal=True):
        if st.button("Check the query", icon=":material/fact_check:", disabled=not sql.strip(), key=f"check_{scope}"):
            SQL_TRAITS_CHECK.clear()
            check = None
            with error_panel("checking the query"), st.spinner("Running the query and counting its keys …"):
                check = (asked, check_sql_traits(workspace, warehouse_id, sql))
                SQL_TRAITS_CHECK.write(check)
        is_checked = check is not None and check[0] == asked
        is_same = model is not None and sql == model.sql
        is_ready = minutes != current if is_same else is_checked and bool(edited or name.strip())
        is_pressed = st.button(
            "Save changes" if edited else "Create traits", type="primary", disabled=not is_ready, key=f"save_{scope}"
        )
    if is_checked and check is not None:
        _draw_check(check[1], edited)
    if not is_pressed:
        return False
    if edited is not None:
        with error_panel("saving the SQL traits") as attempt, st.spinner("Checking again and saving …"):
            edit_sql_traits(workspace, edited.sync.id, sql=None if is_same else sql, interval_minutes=minutes)
    else:
        with error_panel("making the SQL traits") as attempt, st.spinner("Checking again and making the sync …"):
            made = create_sql_traits(
                workspace, space_id, name=name, warehouse_id=warehouse_id, sql=sql, interval_minutes=minutes
            )
    if attempt.failed:
        return False
    SQL_TRAITS_CHECK.clear()
    if edited is None:
        go_to("syncs", sync=made.id)
    return True


def _draw_check(check: SqlTraitsCheck, edited: SqlTraitsSync | None) -> None:
    traits = check.traits
    of = " of accounts" if traits.is_of_accounts else ""
    st.success(
        f"{format_count(check.rows, 'row')} by `{traits.key_column}`, {format_count(len(traits.columns), 'trait')}{of}:"
        f" {escape_markdown(', '.join(traits.columns))}.",
        icon=":material/check_circle:",
    )
    left_out = sorted(set(edited.columns) - {column.lower() for column in traits.columns}) if edited else []
    if left_out:
        st.warning(
            f"No longer kept: {escape_markdown(', '.join(left_out))}. Their values stay as they are.",
            icon=":material/warning:",
        )
    st.dataframe(to_frame(check.sample), hide_index=True, alt="The first rows of the query")
