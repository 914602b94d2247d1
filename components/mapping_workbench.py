"""The pieces of the Select mappings screen: editor, test record, delivery options."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from components.error_panel import error_panel
from components.mapping_editor import draw_mapping_editor, read_typed_mapping
from components.other_browser import own, own_draft, settle_draft
from components.plain_text import escape_markdown
from components.running_query import draw_again, draw_query, get_queries
from components.sync_words import MODES, SCHEDULES
from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import CoreError
from core.mappings.mapping import ColumnRef, FieldMapping
from core.mappings.suggest import Suggestion
from core.mappings.validate import MappingIssue
from core.setup.guided_setup import (
    Setup,
    make_draft_test_record,
    save_draft_mapping,
    send_draft_test_record,
    suggest_draft_mapping,
)
from core.sql_models.column_profile import PROFILE_TIMEOUT_S
from core.sql_models.preview import PREVIEW_TIMEOUT_S
from core.sql_models.sql_model import SqlModel
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace

_SUGGESTIONS, _TEST_RECORD = "suggestions", "test_record"


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


def draw_test_record(
    workspace: Workspace, model: SqlModel, mapping: FieldMapping, issues: Sequence[MappingIssue]
) -> None:
    """Draw **Send test record**: the exact message of the first row, and what became of it.

    The message is made only while the panel is open: it costs a query, and opening it redraws the panel alone.
    """

    @st.fragment
    def panel() -> None:
        box = st.expander("Send test record", icon=":material/send:", key="test_record", on_change="rerun")
        if not box.open:
            get_queries().forget(_TEST_RECORD)  # opened again, it shows the row as it is then
            return
        with box, error_panel("making a test record") as attempt:
            _draw_open_test_record(workspace, model, mapping, issues)
        if attempt.failed:
            with box:
                draw_again(_TEST_RECORD)

    panel()


def _draw_open_test_record(
    workspace: Workspace, model: SqlModel, mapping: FieldMapping, issues: Sequence[MappingIssue]
) -> None:
    if any(issue.blocking for issue in issues):
        st.caption("Complete the mapping first. Nothing is sent for an incomplete one.")
        return
    made = draw_query(
        lambda cancel: make_draft_test_record(workspace, mapping, cancel=cancel),
        slot=_TEST_RECORD,
        about=(model.id, model.version, json.dumps(mapping.to_dict(), sort_keys=True)),
        label="Reading the first row",
        timeout_s=PREVIEW_TIMEOUT_S,
    )
    if made is None:
        return
    st.json(made.result().message, expanded=2)
    if st.button("Send test record", key="send_test_record"):
        outcome = send_draft_test_record(workspace, made.result())
        get_queries().forget(_TEST_RECORD)  # the next one is a message of its own
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


def _find_suggestions(workspace: Workspace, model: SqlModel) -> Sequence[Suggestion]:
    """Return which columns seem to fit; none while all rows are being read, which the editor does not wait for."""
    try:
        found = draw_query(
            lambda cancel: suggest_draft_mapping(workspace, cancel=cancel),
            slot=_SUGGESTIONS,
            about=(model.id, model.version),
            label="Looking for columns that fit",
            timeout_s=PROFILE_TIMEOUT_S,
        )
        return found.result() if found is not None else ()
    except CoreError as error:  # a mapping can be drawn without them
        st.caption(f"No suggestions: {escape_markdown(error.message)}")
        return ()
