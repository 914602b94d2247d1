"""What a mapping does to every row of the model. The rows are read and judged while the page is already in use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import streamlit as st

from components.background import Job
from components.error_panel import error_panel
from components.format import format_number, format_share, format_time
from components.state import MAPPING_CHECK
from core.mappings.check import MappingReport
from core.mappings.mapping import FieldMapping
from core.setup.guided_setup import check_draft_mapping
from core.sql_models.row_cache import RowCache
from core.sql_models.sql_model import SqlModel
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import open_warehouse
from core.workspaces.workspace import Workspace

LOOK_S = 0.05
"""How often the panel looks whether the check has ended; also how soon a newer gesture can take its place."""
RECHECK_S = 300
"""How long a report counts where the warehouse cannot tell whether its rows have changed."""


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """A report, and when its rows were read."""

    report: MappingReport
    read_at: datetime


def draw_check(workspace: Workspace, model: SqlModel, mapping: FieldMapping) -> None:
    """Draw coverage, nulls, failures and rejected records over all rows, for a mapping without blocking issues.

    The rest of the page does not wait for it. While the check goes on, no older figure is shown.
    """
    job = _start(workspace, model, mapping)

    @st.fragment(parallel=True)
    def panel() -> None:
        if job.wait(0):
            place = st.container(border=True)
        else:
            slot = st.empty()  # an empty place, unlike a container, also takes away what was drawn there before
            slot.markdown(":material/progress_activity: Checking all rows …")
            while not job.wait(LOOK_S):
                slot.markdown(":material/progress_activity: Checking all rows …")  # where a newer run takes over
            place = slot.container(border=True)
        with place, error_panel("checking all rows"):
            _draw_report(job.result())

    panel()


def _start(workspace: Workspace, model: SqlModel, mapping: FieldMapping) -> Job[CheckedRows]:
    with open_warehouse(workspace, model.warehouse_id) as warehouse:
        data_version = warehouse.read_data_version()
    age = None if data_version is not None else int(workspace.now().timestamp()) // RECHECK_S
    key = (model.id, model.version, data_version, age, json.dumps(mapping.to_dict(), sort_keys=True))

    def work(cancel: CancelToken) -> CheckedRows:
        read_at = workspace.now()
        return CheckedRows(check_draft_mapping(workspace, mapping, rows=_keep_rows(), cancel=cancel), read_at)

    background = MAPPING_CHECK.read()
    MAPPING_CHECK.write(background)
    return background.start(key, work)


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
