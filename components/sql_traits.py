"""SQL traits: what queries of a warehouse keep on people and accounts; one is chosen, changed, run or deleted."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from components.address import forget, keep
from components.choice_table import draw_choice_table
from components.empty_state import draw_empty_state
from components.format import NONE, format_time, shorten
from components.plain_text import escape_markdown
from components.sql_traits_detail import draw_sql_traits_detail
from components.sql_traits_form import draw_sql_traits_form
from components.sync_words import describe_interval, describe_state
from core.setup.sql_traits import SqlTraitsSync, list_sql_traits
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace

COLUMN_CHARS = 60


def draw_sql_traits(workspace: Workspace, space_id: str) -> None:
    """Draw the queries that keep traits, the chosen one, and the form of another one; or the form that changes one."""
    found = {each.sync.id: each for each in list_sql_traits(workspace, space_id)}
    changed = found.get(st.query_params.get("change", ""))
    warehouses = {record.id: record for record in list_warehouses(workspace)}
    if changed is not None:
        if st.button("All traits", icon=":material/arrow_back:", type="tertiary", key="back"):
            forget("change")
            st.rerun()
        st.subheader(escape_markdown(changed.sync.name), anchor=False)
        if draw_sql_traits_form(workspace, space_id, warehouses, changed):
            forget("change")
            st.toast("Saved. The next run sends what differs.", icon=":material/check:")
            st.rerun()
        return
    if found:
        _draw_table(workspace, found)
    else:
        draw_empty_state(
            ":material/database:",
            "No traits from SQL yet",
            "A query of your warehouse can keep traits up to date: only rows that changed are sent, and who is no"
            " longer returned gets no value.",
        )
    if not warehouses:
        st.caption("Connect a warehouse first, in the guided setup.")
        return
    with st.expander("Create traits from SQL", icon=":material/add:", expanded=not found):
        draw_sql_traits_form(workspace, space_id, warehouses)


def _draw_table(workspace: Workspace, found: Mapping[str, SqlTraitsSync]) -> None:
    listed = list(found.values())
    chosen = draw_choice_table(
        {
            "Sync": [each.sync.name for each in listed],
            "Of": ["accounts" if each.is_of_accounts else "people" for each in listed],
            "Traits": [shorten(", ".join(each.columns), COLUMN_CHARS) for each in listed],
            "Schedule": [describe_interval(each.sync.interval_minutes) for each in listed],
            "Last run": [describe_state(each.newest_run)[0] if each.newest_run else NONE for each in listed],
            "Fresh at": [format_time(each.fresh_at) for each in listed],
        },
        list(found),
        st.query_params.get("sql", listed[0].sync.id if len(listed) == 1 else None),
        key="sql_traits",
        alt="Syncs that keep traits of people or accounts from a SQL model",
    )
    keep("sql", chosen if chosen in found else None)
    if chosen in found:
        draw_sql_traits_detail(workspace, found[chosen])
    else:
        st.caption("Pick one to see its query, to run, change or delete it.")
