"""What a mapping does to every row of the model. The rows are read and judged while the page is already in use."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import streamlit as st

from components.error_panel import error_panel
from components.format import format_number, format_share, format_time
from components.running_query import draw_again, draw_query, get_queries
from core.mappings.check import CHECK_TIMEOUT_S, MappingReport
from core.mappings.mapping import FieldMapping
from core.setup.guided_setup import check_draft_mapping
from core.sql_models.row_cache import RowCache
from core.sql_models.sql_model import SqlModel
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import open_warehouse
from core.workspaces.workspace import Workspace

LOOK_S = 0.05
"""How often the panel looks whether the check has ended; also how soon a newer gesture can take its place."""
PATIENCE_S = 1.0
"""A check that ends within this time is drawn at once; a longer one shows its time and Cancel."""
RECHECK_S = 300
"""How long a report counts where the warehouse cannot tell whether its rows have changed."""
_SLOT, _LABEL = "mapping_check", "Checking all rows"


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """A report, and when its rows were read."""

    report: MappingReport
    read_at: datetime


def draw_check(workspace: Workspace, model: SqlModel, mapping: FieldMapping) -> None:
    """Draw coverage, nulls, failures and rejected records over all rows, for a mapping without blocking issues.

    The rest of the page does not wait for it. While the check goes on, no older figure is shown.
    """

    @st.fragment(parallel=True)
    def panel() -> None:
        with error_panel("checking all rows"):
            _draw_panel(workspace, model, mapping)

    panel()


def _draw_panel(workspace: Workspace, model: SqlModel, mapping: FieldMapping) -> None:
    def ask(cancel: CancelToken) -> CheckedRows:
        read_at = workspace.now()
        return CheckedRows(check_draft_mapping(workspace, mapping, rows=_keep_rows(), cancel=cancel), read_at)

    about = _describe(workspace, model, mapping)
    query = get_queries().start(_SLOT, about, ask)
    if query.wait(0):
        box = st.container(border=True)  # the same as last time: the browser keeps its table and does not make it anew
    else:
        place = st.empty()  # unlike a container, it takes away what was drawn there before
        while not query.wait(LOOK_S) and query.waited_s < PATIENCE_S:
            place.markdown(f":material/progress_activity: {_LABEL} …")  # where a newer run takes over
        box = place.container(border=True)
    with box, error_panel("checking all rows") as attempt:
        ended = draw_query(
            ask, slot=_SLOT, about=about, label="Checking all rows", timeout_s=CHECK_TIMEOUT_S, quick_s=0
        )
        if ended is not None:
            _draw_report(ended.result())
    if attempt.failed:
        draw_again(_SLOT)


def _describe(workspace: Workspace, model: SqlModel, mapping: FieldMapping) -> Hashable:
    """Return what a report depends on."""
    with open_warehouse(workspace, model.warehouse_id) as warehouse:
        data_version = warehouse.read_data_version()
    age = None if data_version is not None else int(workspace.now().timestamp()) // RECHECK_S
    return (model.id, model.version, data_version, age, json.dumps(mapping.to_dict(), sort_keys=True))


@st.cache_resource(show_spinner=False)
def _keep_rows() -> RowCache:
    return RowCache()


def _draw_report(checked: CheckedRows) -> None:
    report = checked.report
    good = report.rows - report.rejected
    st.markdown(
        f"**Checked on all {format_number(report.rows)} rows:** {format_number(good)} can be sent,"
        f" {format_number(report.rejected)} would be rejected. :small[Read {format_time(checked.read_at)}]"
    )
    for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
        st.caption(f"{format_number(count)} × {reason.replace('_', ' ')}")
    st.dataframe(_tabulate(report), hide_index=True)


def _tabulate(report: MappingReport) -> pa.Table:
    # Arrow, because a table of pandas costs ten times as much to make and is turned into Arrow for the browser anyway
    names = [one.field if one.key is None else f"{one.field}.{one.key}" for one in report.fields]
    return pa.table(
        {
            "field": names,
            "filled": [format_share(one.coverage) for one in report.fields],
            "empty": [one.nulls for one in report.fields],
            "wrong type": [one.failures for one in report.fields],
            "for example": [", ".join(str(sample) for sample in one.failure_samples) for one in report.fields],
        }
    )
