"""The pieces of the Select mappings screen: editor, test record, delivery options."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.error_panel import error_panel
from components.mapping_editor import draw_mapping_editor, read_typed_mapping
from components.other_browser import own, own_draft, settle_draft
from components.plain_text import escape_markdown
from components.sync_words import MODES, SCHEDULES
from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import CoreError
from core.mappings.mapping import ColumnRef, FieldMapping
from core.mappings.validate import MappingIssue
from core.setup.guided_setup import (
    Setup,
    make_draft_test_record,
    save_draft_mapping,
    send_draft_test_record,
    suggest_draft_mapping,
)
from core.sql_models.sql_model import SqlModel
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace


def draw_editor(workspace: Workspace, setup: Setup, model: SqlModel) -> FieldMapping:
    """Draw the drag editor and save the draft when it changes."""
    key = f"mapping_{model.id}_{model.version}"
    draft = settle_draft(setup.draft.mapping, read_typed_mapping(key), key, _draw_mapping)
    mapping = draw_mapping_editor(
        model.columns,
        SEND_IDENTIFY.fields,
        draft.value,
        key=key,
        suggestions=_find_suggestions(workspace, model),
        choices={"engage_space": [(space.id, space.name) for space in list_spaces(workspace)]},
    )
    if draft.may_save and mapping != setup.draft.mapping:
        own(save_draft_mapping(workspace, mapping, expected_version=setup.version))
        own_draft(mapping, key)
    return mapping


def draw_test_record(workspace: Workspace, mapping: FieldMapping, issues: Sequence[MappingIssue]) -> None:
    """Draw **Send test record**: the exact message of the first row, and what became of it.

    The message is made only while the panel is open: it costs a query, and opening it redraws the panel alone.
    """

    @st.fragment
    def panel() -> None:
        box = st.expander("Send test record", icon=":material/send:", key="test_record", on_change="rerun")
        if box.open:
            with box, error_panel("making a test record"):
                _draw_open_test_record(workspace, mapping, issues)

    panel()


def _draw_open_test_record(workspace: Workspace, mapping: FieldMapping, issues: Sequence[MappingIssue]) -> None:
    if any(issue.blocking for issue in issues):
        st.caption("Complete the mapping first. Nothing is sent for an incomplete one.")
        return
    st.json(make_draft_test_record(workspace, mapping), expanded=2)
    if st.button("Send test record", key="send_test_record"):
        outcome = send_draft_test_record(workspace, mapping)
        if outcome.status == "delivered":
            st.success("Delivered. It is in the event debugger; profiles are not changed by a test.")
        else:
            st.error(f"Not delivered: {outcome.message}")


def draw_delivery_options(setup: Setup) -> tuple[str, int | None]:
    """Draw which records are sent and when; return the mode and the interval in minutes (None: manual).

    They start as the sync has them, so that saving a mapping again takes back no choice made elsewhere.
    """
    left, right = st.columns(2)
    mode = left.selectbox(
        "Which records",
        list(MODES),
        index=list(MODES).index(setup.draft.mode),
        format_func=MODES.get,
        key="sync_mode",
    )
    minutes = right.selectbox(
        "Schedule",
        list(SCHEDULES),
        index=list(SCHEDULES).index(setup.draft.interval_minutes),
        format_func=SCHEDULES.get,
        key="sync_interval",
    )
    return mode, minutes


def _draw_mapping(mapping: FieldMapping) -> None:
    for entry in mapping.entries:
        name = entry.field if entry.key is None else entry.key
        value = entry.value.column if isinstance(entry.value, ColumnRef) else entry.value.value
        st.caption(f"{escape_markdown(name)} ← {escape_markdown(str(value))}")


def _find_suggestions(workspace: Workspace, model: SqlModel) -> Sequence[object]:
    try:
        return _suggest(workspace, model.id, model.version)
    except CoreError as error:  # a mapping can be drawn without them
        st.caption(f"No suggestions: {escape_markdown(error.message)}")
        return ()


@st.cache_data(ttl=300, show_spinner=False, max_entries=16)
def _suggest(_workspace: Workspace, sql_model_id: str, version: int) -> Sequence[object]:
    return suggest_draft_mapping(_workspace)
