"""SQL traits: what a query of a warehouse keeps on the profiles, and the form that makes one more."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import NONE, format_count, format_time, shorten
from components.navigation import draw_link, go_to
from components.plain_text import escape_markdown
from components.preview_table import to_frame
from components.state import SQL_TRAITS_CHECK
from components.sync_words import describe_interval, describe_state
from core.setup.sql_traits import (
    DEFAULT_INTERVAL_MINUTES,
    INTERVALS_MINUTES,
    MAX_COLUMNS,
    SqlTraitsCheck,
    check_sql_traits,
    create_sql_traits,
    list_sql_traits,
)
from core.warehouses.store import WarehouseRecord, list_warehouses
from core.workspaces.workspace import Workspace

COLUMN_CHARS = 60


def draw_sql_traits(workspace: Workspace, space_id: str) -> None:
    """Draw the queries that keep traits, and the form of another one."""
    found = list_sql_traits(workspace)
    if found:
        st.dataframe(
            pd.DataFrame(
                {
                    "Sync": [each.sync.name for each in found],
                    "Of": ["accounts" if each.is_of_accounts else "people" for each in found],
                    "Traits": [shorten(", ".join(each.columns), COLUMN_CHARS) for each in found],
                    "Schedule": [describe_interval(each.sync.interval_minutes) for each in found],
                    "Last run": [describe_state(each.newest_run)[0] if each.newest_run else NONE for each in found],
                    "Fresh at": [format_time(each.fresh_at) for each in found],
                }
            ),
            hide_index=True,
            alt="Syncs that keep traits of people or accounts from a SQL model",
        )
        st.caption("Runs, balance sheets, schedules and what would change are on the page of syncs.")
        draw_link("syncs", label="Syncs")
    else:
        draw_empty_state(
            ":material/database:",
            "No traits from SQL yet",
            "A query of your warehouse can keep traits up to date: only rows that changed are sent, and who is no"
            " longer returned gets no value.",
        )
    warehouses = {record.id: record for record in list_warehouses(workspace)}
    if not warehouses:
        st.caption("Connect a warehouse first, in the guided setup.")
        return
    with st.expander("Create traits from SQL", icon=":material/add:", expanded=not found):
        _draw_form(workspace, space_id, warehouses)


def _draw_form(workspace: Workspace, space_id: str, warehouses: dict[str, WarehouseRecord]) -> None:
    name = st.text_input("Name", placeholder="Customer value", max_chars=80, key="sql_traits_name")
    warehouse_id = st.selectbox(
        "Warehouse", list(warehouses), format_func=lambda each: warehouses[each].name, key="sql_traits_warehouse"
    )
    sql = st.text_area(
        "Query", placeholder="SELECT user_id, plan, lifetime_value FROM customers", height=160, key="sql_traits_sql"
    )
    st.caption(
        "One row a person, by user_id, email or anonymous_id, or one an account, by group_id;"
        f" and up to {MAX_COLUMNS - 1} texts or numbers. The names of the columns become the names of the traits."
    )
    minutes = st.selectbox(
        "Schedule",
        INTERVALS_MINUTES,
        index=INTERVALS_MINUTES.index(DEFAULT_INTERVAL_MINUTES),
        format_func=describe_interval,
        key="sql_traits_interval",
        width=220,
    )
    asked, check = (warehouse_id, sql), SQL_TRAITS_CHECK.read()
    with st.container(horizontal=True):
        if st.button("Check the query", icon=":material/fact_check:", disabled=not sql.strip(), key="check_sql_traits"):
            SQL_TRAITS_CHECK.clear()
            check = None
            with error_panel("checking the query"), st.spinner("Running the query and counting its keys …"):
                check = (asked, check_sql_traits(workspace, warehouse_id, sql))
                SQL_TRAITS_CHECK.write(check)
        is_checked = check is not None and check[0] == asked
        is_pressed = st.button(
            "Create traits", type="primary", disabled=not (is_checked and name.strip()), key="create_sql_traits"
        )
    if is_checked and check is not None:
        _draw_check(check[1])
    if is_pressed:
        with error_panel("making the SQL traits") as attempt, st.spinner("Checking again and making the sync …"):
            made = create_sql_traits(
                workspace, space_id, name=name, warehouse_id=warehouse_id, sql=sql, interval_minutes=minutes
            )
        if not attempt.failed:
            SQL_TRAITS_CHECK.clear()
            go_to("syncs", sync=made.id)


def _draw_check(check: SqlTraitsCheck) -> None:
    traits = check.traits
    of = " of accounts" if traits.is_of_accounts else ""
    st.success(
        f"{format_count(check.rows, 'row')} by `{traits.key_column}`, {format_count(len(traits.columns), 'trait')}{of}:"
        f" {escape_markdown(', '.join(traits.columns))}.",
        icon=":material/check_circle:",
    )
    st.dataframe(to_frame(check.sample), hide_index=True, alt="The first rows of the query")
