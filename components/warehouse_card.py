"""One connected warehouse: when it was tested, its tables, and what can be changed about it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.catalog_browser import draw_catalog
from components.confirm import confirm
from components.connection_form import ConnectionInput, draw_connection_form
from components.connection_report import draw_report, has_own_schema, keep_report
from components.error_panel import error_panel
from components.field_input import SavedSettings
from components.format import format_ago, format_time
from components.plain_text import escape_markdown
from components.state import CHANGING_CONNECTION, CONNECTION_REPORT
from components.warehouse_upload import draw_import_report
from core.warehouses.registry import check_connection, get_definition
from core.warehouses.store import (
    WarehouseRecord,
    change_settings,
    delete_warehouse,
    list_secret_names,
    rename_warehouse,
)
from core.workspaces.workspace import Workspace


def draw_warehouse(workspace: Workspace, record: WarehouseRecord, *, readers: Sequence[str]) -> None:
    """Draw one warehouse; `readers` are the names of the sources and SQL models that read it."""
    with st.container(border=True, key=f"warehouse_{record.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(record.name)}**")
            st.badge(get_definition(record.kind).label, color="gray")
        st.caption(_describe(workspace, record, readers))
        with st.container(horizontal=True):
            is_tested = st.button("Test again", key=f"test_{record.id}", icon=":material/network_check:")
            if st.button("Change connection …", key=f"change_{record.id}", type="tertiary"):
                CHANGING_CONNECTION.write(True, record.id)
            if st.button("Rename …", key=f"rename_{record.id}", type="tertiary"):
                _ask_for_name(workspace, record)
            if st.button(
                "Disconnect …",
                key=f"delete_{record.id}",
                type="tertiary",
                disabled=bool(readers),
                help="Something reads it, so it cannot be disconnected." if readers else None,
            ):
                confirm(
                    f"Disconnect {record.name}?",
                    "Its name, settings and credentials are forgotten. The data in it is not touched; an embedded"
                    " warehouse's file stays in the workspace's folder and can be connected again.",
                    lambda: delete_warehouse(workspace, record.id),
                    confirm_label="Disconnect",
                )
        if is_tested:
            _test(workspace, record)
        report = CONNECTION_REPORT.read(record.id)
        if report is not None:
            draw_report(report, keeps_state=has_own_schema(record))
        if CHANGING_CONNECTION.read(record.id):
            _draw_change(workspace, record)
        draw_import_report(workspace, record.id)
        tables = st.expander("Tables", key=f"tables_{record.id}", on_change="rerun")
        if tables.open:  # reading a catalog asks the warehouse, so only for someone who looks
            with tables:
                draw_catalog(workspace, record)


def _draw_change(workspace: Workspace, record: WarehouseRecord) -> None:
    """Draw the form of a saved connection; the new settings and credentials are tested before the old are dropped."""
    st.markdown("**Change connection**")
    st.caption("What you change is tested first. Where the test fails, everything stays as it is now.")
    saved = SavedSettings(record.settings, list_secret_names(workspace, record.id))

    def save(typed: ConnectionInput) -> None:
        change_settings(workspace, record.id, settings=typed.settings, secrets=typed.secrets, on_tested=keep_report)

    is_saved = draw_connection_form(get_definition(record.kind), save, key=f"connection_{record.id}", saved=saved)
    if is_saved:
        st.toast(escape_markdown(f"{record.name} is changed."), icon=":material/check_circle:")
    if st.button("Cancel", key=f"cancel_{record.id}") or is_saved:
        CHANGING_CONNECTION.clear(record.id)
        st.rerun()


def _describe(workspace: Workspace, record: WarehouseRecord, readers: Sequence[str]) -> str:
    parts = [f"Connected {format_time(record.created_at)}"]
    parts.append(
        f"last tested {format_ago(record.tested_at, workspace.now())}" if record.tested_at else "not tested yet"
    )
    parts += [
        f"{field.label.lower()} `{record.settings[field.name]}`"
        for field in get_definition(record.kind).settings
        if field.required and not field.choices and field.name in record.settings
    ]
    names = ", ".join(escape_markdown(name) for name in readers)
    parts.append(f"read by {names}" if readers else "nothing reads it yet")
    return " · ".join(parts)


def _test(workspace: Workspace, record: WarehouseRecord) -> None:
    CONNECTION_REPORT.clear(record.id)
    with error_panel("testing the warehouse"):
        with st.spinner("Testing …"):
            report = check_connection(workspace, record.id)
        if report.error is not None:
            raise report.error
        keep_report(record.id, report)
        st.toast(escape_markdown(f"{record.name} answers. {report.detail}"), icon=":material/check_circle:")
        st.rerun()


def _ask_for_name(workspace: Workspace, record: WarehouseRecord) -> None:
    @st.dialog("Rename the warehouse")
    def popup() -> None:
        name = st.text_input("Name", value=record.name, max_chars=120, key="new_name")
        if st.button("Save name", type="primary", key="save_name"):
            with error_panel("renaming the warehouse"):
                rename_warehouse(workspace, record.id, name or "")
                st.rerun()

    popup()
