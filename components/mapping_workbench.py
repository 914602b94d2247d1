"""The pieces of the Select mappings screen: editor, check over all rows, test record, delivery options."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components.error_panel import error_panel
from components.format import format_number, format_share
from components.mapping_editor import draw_mapping_editor, read_typed_mapping
from components.other_browser import own, own_draft, settle_draft
from components.plain_text import escape_markdown
from components.sync_words import MODES, SCHEDULES
from core.destinations.segment_profiles import SEND_IDENTIFY
from core.mappings.check import MappingReport
from core.mappings.mapping import ColumnRef, FieldMapping
from core.mappings.validate import MappingIssue, validate_mapping
from core.setup.guided_setup import (
    Setup,
    check_draft_mapping,
    make_draft_test_record,
    save_draft_mapping,
    send_draft_test_record,
    suggest_draft_mapping,
)
from core.sql_models.sql_model import get_sql_model
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace


def draw_editor(workspace: Workspace, setup: Setup) -> FieldMapping:
    """Draw the drag editor and save the draft when it changes."""
    model = get_sql_model(workspace, setup.sql_model_id)
    key = f"mapping_{model.id}_{model.version}"
    draft = settle_draft(setup.draft.mapping, read_typed_mapping(key), key, _draw_mapping)
    mapping = draw_mapping_editor(
        model.columns,
        SEND_IDENTIFY.fields,
        draft.value,
        key=key,
        suggestions=_suggest(workspace, model.id, model.version),
        choices={"engage_space": [(space.id, space.name) for space in list_spaces(workspace)]},
    )
    if draft.may_save and mapping != setup.draft.mapping:
        own(save_draft_mapping(workspace, mapping, expected_version=setup.version))
        own_draft(mapping, key)
    return mapping


def draw_check(
    workspace: Workspace, setup: Setup, mapping: FieldMapping
) -> tuple[MappingReport | None, Sequence[MappingIssue]]:
    """Draw what the mapping does to every row of the model: coverage, nulls, failures, rejected records."""
    model = get_sql_model(workspace, setup.sql_model_id)
    issues = validate_mapping(mapping, SEND_IDENTIFY.fields, model.columns)
    if any(issue.blocking for issue in issues):
        return None, issues
    with st.spinner("Checking all rows …"):
        report = _check(workspace, model.id, model.version, json.dumps(mapping.to_dict(), sort_keys=True))
    with st.container(border=True):
        good = report.rows - report.rejected
        st.markdown(
            f"**Checked on all {format_number(report.rows)} rows:** {format_number(good)} can be sent,"
            f" {format_number(report.rejected)} would be rejected."
        )
        for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
            st.caption(f"{format_number(count)} × {reason.replace('_', ' ')}")
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "field": field.field if field.key is None else f"{field.field}.{field.key}",
                        "filled": format_share(field.coverage),
                        "empty": field.nulls,
                        "wrong type": field.failures,
                        "for example": ", ".join(str(sample) for sample in field.failure_samples),
                    }
                    for field in report.fields
                ]
            ),
            hide_index=True,
        )
    return report, issues


def draw_test_record(workspace: Workspace, setup: Setup, mapping: FieldMapping, issues: Sequence[MappingIssue]) -> None:
    """Draw **Send test record**: the exact message of the first row, and what became of it."""
    with st.expander("Send test record", icon=":material/send:"):
        if any(issue.blocking for issue in issues):
            st.caption("Complete the mapping first. Nothing is sent for an incomplete one.")
            return
        with error_panel():
            st.json(make_draft_test_record(workspace, mapping), expanded=2)
            if st.button("Send test record", key="send_test_record"):
                outcome = send_draft_test_record(workspace, mapping)
                if outcome.status == "delivered":
                    st.success("Delivered. It is in the event debugger; profiles are not changed by a test.")
                else:
                    st.error(f"Not delivered: {outcome.message}")


def draw_delivery_options() -> tuple[str, int | None]:
    """Draw which records are sent and when; return the mode and the interval in minutes (None: manual)."""
    left, right = st.columns(2)
    mode = left.selectbox("Which records", list(MODES), format_func=MODES.get, key="sync_mode")
    minutes = right.selectbox(
        "Schedule", list(SCHEDULES), index=list(SCHEDULES).index(60), format_func=SCHEDULES.get, key="sync_interval"
    )
    return mode, minutes


def _draw_mapping(mapping: FieldMapping) -> None:
    for entry in mapping.entries:
        name = entry.field if entry.key is None else entry.key
        value = entry.value.column if isinstance(entry.value, ColumnRef) else entry.value.value
        st.caption(f"{escape_markdown(name)} ← {escape_markdown(str(value))}")


@st.cache_data(ttl=300, show_spinner=False, max_entries=64)
def _check(_workspace: Workspace, sql_model_id: str, version: int, mapping_json: str) -> MappingReport:
    return check_draft_mapping(_workspace, FieldMapping.from_dict(json.loads(mapping_json)))


@st.cache_data(ttl=300, show_spinner=False, max_entries=16)
def _suggest(_workspace: Workspace, sql_model_id: str, version: int) -> Sequence[object]:
    return suggest_draft_mapping(_workspace)
