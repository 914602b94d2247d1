"""What a query would cost, beside the button that runs it: asked once for each text, while the person types on."""

from __future__ import annotations

import streamlit as st

from components.format import format_bytes, format_count
from components.plain_text import escape_markdown
from components.running_query import Query, get_queries
from components.state import AGREED_COST
from core.errors import CoreError, QueryTimeout
from core.sql_models.estimate import ESTIMATE_TIMEOUT_S, estimate_cost, is_expensive
from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import CostEstimate
from core.warehouses.registry import get_definition, open_warehouse
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

SLOT = "estimate"
QUICK_S = 0.15
LONGEST_WAIT_S = 3.0
"""How long a query waits for its estimate; after that it runs, for it has a time-out of its own."""


def draw_estimate(workspace: Workspace, record: WarehouseRecord, sql: str, *, is_new: bool) -> None:
    """Draw what `sql` would cost, in a sentence; nothing where the text is not a query yet.

    Args:
        workspace: Where the warehouse is saved.
        record: Which warehouse would run it.
        sql: The text as it stands; a newer one stops the estimate of the older.
        is_new: Whether it has not run yet: only then is the warehouse asked.
    """
    if not is_new and not get_queries().has(SLOT, (record.id, sql)):
        return
    query = _ask(workspace, record, sql)
    if query is None:
        return
    if not query.wait(QUICK_S):
        _draw_waiting(query)
    elif told := _describe_end(query):
        st.caption(f":material/speed: {told}")


def draw_agreement(workspace: Workspace, record: WarehouseRecord, sql: str) -> bool:
    """Return whether the query may run; where it is very expensive, draw what it costs and ask."""
    query = _ask(workspace, record, sql)
    with st.spinner("Asking what it would cost …"):
        estimate = _read(query) if query is not None and query.wait(LONGEST_WAIT_S) else None
    if estimate is None or not is_expensive(estimate):
        return True
    st.warning(
        f"**This query reads {format_bytes(estimate.scanned_bytes)}.** The preview reads it once, and the questions"
        f" about all rows that follow up to three times more. {escape_markdown(estimate.detail)}",
        icon=":material/payments:",
    )
    st.button("Run it anyway", key="agree_cost", on_click=AGREED_COST.write, args=((record.id, sql),))
    return False


def has_agreement(record: WarehouseRecord, sql: str) -> bool:
    """Return whether a person has just agreed to what this text costs; it holds until the query has begun."""
    return AGREED_COST.read() == (record.id, sql)


def describe_estimate(estimate: CostEstimate) -> str:
    """Return the estimate as a sentence.

    Example:
        >>> describe_estimate(CostEstimate("It is billed.", scanned_bytes=1_300_000_000, rows=12))
        'Reads 1.2 GB, about 12 rows. It is billed.'
        >>> describe_estimate(CostEstimate("The engine does not say."))
        'Cannot tell beforehand. The engine does not say.'
    """
    parts = []
    if estimate.scanned_bytes is not None:
        parts.append(f"reads {format_bytes(estimate.scanned_bytes)}")
    if estimate.rows is not None:
        parts.append(f"about {format_count(estimate.rows, 'row')}")
    told = ", ".join(parts) or "cannot tell beforehand"
    return f"{told[:1].upper()}{told[1:]}. {estimate.detail}".rstrip()


def _ask(workspace: Workspace, record: WarehouseRecord, sql: str) -> Query[CostEstimate] | None:
    try:
        check_query(sql, get_definition(record.kind).dialect)
    except CoreError:
        return None  # being written still; Preview says what is wrong with it

    def ask(cancel: CancelToken) -> CostEstimate:
        with open_warehouse(workspace, record.id) as warehouse:
            return estimate_cost(warehouse, sql, cancel=cancel)

    return get_queries().start(SLOT, (record.id, sql), ask)


def _read(query: Query[CostEstimate]) -> CostEstimate | None:
    try:
        return query.result()
    except CoreError:
        return None


def _describe_end(query: Query[CostEstimate]) -> str:
    try:
        return escape_markdown(describe_estimate(query.result()))
    except QueryTimeout:
        return f"Cannot tell beforehand: it took longer than {ESTIMATE_TIMEOUT_S:g} s to find out."
    except CoreError:
        return ""  # stopped, or something that Preview explains


def _draw_waiting(query: Query[CostEstimate]) -> None:
    is_whole_page = True

    @st.fragment(run_every=0.5)
    def panel() -> None:
        if query.wait(0) and not is_whole_page:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/speed: Estimating …")
            st.button("Cancel", type="tertiary", key="estimate_cancel", on_click=query.cancel.cancel)

    panel()
    is_whole_page = False
