"""What a test of a warehouse found: what can be read, and whether our own schema can be written."""

from __future__ import annotations

import streamlit as st

from components.error_panel import draw_details, draw_error
from components.plain_text import escape_markdown
from core.errors import PermissionMissing
from core.warehouses.definition import ConnectionReport
from core.warehouses.registry import check_connection, get_definition
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

CACHE_S = 600


def draw_access(workspace: Workspace, record: WarehouseRecord) -> None:
    """Test the warehouse, unless that was done a short while ago, and draw what was found."""
    with st.spinner("Asking the warehouse what this login may do …"):
        report = _check(workspace, str(workspace.home.root), record.id, str(record.settings))
    draw_report(report, keeps_state=has_own_schema(record))


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


def forget_access() -> None:
    """Ask again next time."""
    _check.clear()


@st.cache_data(ttl=CACHE_S, show_spinner=False)
def _check(_workspace: Workspace, home: str, warehouse_id: str, settings: str) -> ConnectionReport:
    return check_connection(_workspace, warehouse_id)
