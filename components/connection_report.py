"""What a test of a warehouse found: what can be read, and whether our own schema can be written."""

from __future__ import annotations

import streamlit as st

from components.error_panel import draw_details, draw_error
from components.plain_text import escape_markdown
from components.state import CONNECTION_REPORT
from core.errors import PermissionMissing
from core.warehouses.definition import ConnectionReport
from core.warehouses.registry import check_connection, get_definition
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace


def draw_access(workspace: Workspace, record: WarehouseRecord) -> None:
    """Draw what the last test in this session found; test the warehouse where there was none."""
    report: ConnectionReport | None = CONNECTION_REPORT.read(record.id)
    if report is None:
        with st.spinner("Asking the warehouse what this login may do …"):
            report = check_connection(workspace, record.id)
        keep_report(record.id, report)
    draw_report(report, keeps_state=has_own_schema(record))


def keep_report(warehouse_id: str, report: ConnectionReport) -> None:
    """Remember what a test found, so that nobody tests again only to show it."""
    CONNECTION_REPORT.write(report, warehouse_id)


def has_own_schema(record: WarehouseRecord) -> bool:
    """Say whether this kind of warehouse has a schema of ours at all: those that an owner sets up have one."""
    return get_definition(record.kind).write_guide is not None


def draw_report(report: ConnectionReport, *, keeps_state: bool) -> None:
    """Draw what was found: an error, or reading and writing with the one statement that would allow more.

    Args:
        report: Of the last test.
        keeps_state: Whether this kind of warehouse can keep the state of syncs in a schema of ours.
    """
    if report.error is not None:
        draw_error(report.error)
        return
    st.markdown(f":green[:material/check:] **Read** :gray[{escape_markdown(report.detail)}]")
    if not keeps_state:
        return
    if report.write_error is None:
        st.markdown(":green[:material/check:] **Write** :gray[The schema `__onramp`: only changed rows leave it.]")
        return
    error = report.write_error
    if isinstance(error, PermissionMissing):
        told = (
            "**This login may read and not write.** That is fine: what was sent is then remembered beside the"
            f" workspace, and each sync reads every row. {escape_markdown(error.message)}"
        )
    else:
        told = f"**Writing could not be tested.** {escape_markdown(str(error))}"
    st.info(told, icon=":material/lock_open_right:")
    draw_details(error)
