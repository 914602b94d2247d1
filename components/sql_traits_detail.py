"""One query that keeps traits: what it asks, when it ran last; run now, edit, delete."""

from __future__ import annotations

import streamlit as st

from components.address import forget, keep
from components.confirm import confirm
from components.error_panel import error_panel
from components.format import format_ago, format_count
from components.navigation import draw_link, go_to
from components.plain_text import draw_heading, escape_markdown
from components.sync_words import describe_interval, describe_state
from core.setup.sql_traits import SqlTraitsSync, delete_sql_traits
from core.sql_models.sql_model import get_sql_model
from core.syncs.run import list_runs, request_run
from core.warehouses.store import get_warehouse
from core.workspaces.workspace import Workspace


def draw_sql_traits_detail(workspace: Workspace, chosen: SqlTraitsSync) -> None:
    """Draw one sync that keeps traits, with what can be done about it."""
    sync, run = chosen.sync, chosen.newest_run
    model = get_sql_model(workspace, sync.sql_model_id)
    with st.container(border=True, key="sql_traits_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            draw_heading(sync.name)
            if run is not None:
                words, colour = describe_state(run)
                st.badge(words, color=colour)  # type: ignore[arg-type]
        parts = [escape_markdown(get_warehouse(workspace, model.warehouse_id).name)]
        parts.append(f"by `{model.key_column}`")
        parts.append(describe_interval(sync.interval_minutes))
        if chosen.fresh_at is not None:
            parts.append(f"last run {format_ago(chosen.fresh_at, workspace.now())}")
        st.caption(" · ".join(parts))
        st.code(model.sql, language="sql", wrap_lines=True)
        if chosen.is_sql_traits:
            _draw_actions(workspace, chosen)
        else:
            st.caption("This sync fills traits beside other things: it is changed on its own page.")
        draw_link("syncs", label="Runs, balance sheets and what would change", query={"sync": sync.id})


def _draw_actions(workspace: Workspace, chosen: SqlTraitsSync) -> None:
    sync, run = chosen.sync, chosen.newest_run
    is_going = run is not None and not run.is_final
    why = "A run is going: wait for its end, or cancel it." if is_going else None
    with st.container(horizontal=True):
        if st.button("Run now", icon=":material/sync:", disabled=is_going, help=why, key="run_sql_traits"):
            with error_panel("starting the run") as attempt:
                request_run(workspace, sync.id)
            if not attempt.failed:
                go_to("syncs", sync=sync.id)
        if st.button("Edit", icon=":material/edit:", key="edit_sql_traits"):
            keep("change", sync.id)
            st.rerun()
        is_asked = st.button(
            "Delete …",
            icon=":material/delete:",
            type="tertiary",
            disabled=is_going,
            help=why,
            key="delete_sql_traits",
        )
        if is_asked:
            _ask_to_delete(workspace, chosen)


def _ask_to_delete(workspace: Workspace, chosen: SqlTraitsSync) -> None:
    runs = len(list_runs(workspace, chosen.sync.id))
    whose = "accounts" if chosen.is_of_accounts else "profiles"

    def delete() -> None:
        delete_sql_traits(workspace, chosen.sync.id)
        forget("sql")

    confirm(
        f"Delete {escape_markdown(chosen.sync.name)}?",
        f"The query does not run any more. **All values stay on the {whose}**, and nothing keeps them up to date.",
        delete,
        confirm_label="Delete traits from SQL",
        warning=f"Lost are the query, {format_count(runs, 'run')} with what became of each row, and which rows"
        " were sent. The same query, made again, sends every row.",
    )
