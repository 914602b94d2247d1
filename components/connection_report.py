"""What the last test of a hosted warehouse found about writing: a read-only login is fine, and told so."""

from __future__ import annotations

import streamlit as st

from components.error_panel import draw_details
from components.plain_text import escape_markdown
from core.warehouses.definition import ConnectionReport
from core.warehouses.registry import check_connection
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

CACHE_S = 600


def draw_write_access(workspace: Workspace, record: WarehouseRecord) -> None:
    """Draw where the state of a sync will be kept, and the grant that would let it be kept in the warehouse."""
    with st.spinner("Asking the warehouse what this login may do …"):
        report = _check(workspace, str(workspace.home.root), record.id, str(record.settings))
    if report.error is not None:
        raise report.error
    if report.write_error is None:
        st.caption(":material/check: It can be read, and the schema `__onramp` written: only changed rows leave it.")
        return
    st.info(
        "This login may read and not write. That is fine: what was sent is then remembered beside the workspace, and"
        f" each sync reads every row. {escape_markdown(report.write_error.message)}",
        icon=":material/lock_open_right:",
    )
    draw_details(report.write_error)


def forget_write_access() -> None:
    """Ask again next time."""
    _check.clear()


@st.cache_data(ttl=CACHE_S, show_spinner=False)
def _check(_workspace: Workspace, home: str, warehouse_id: str, settings: str) -> ConnectionReport:
    return check_connection(_workspace, warehouse_id)
