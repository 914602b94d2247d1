"""Who would have a computed trait, beside its form: counted again whenever the form changes."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pandas as pd
import streamlit as st

from components.error_panel import error_panel
from components.plain_text import escape_markdown
from components.profile_sheet import format_value
from components.trait_words import describe_definition
from core.errors import InvalidField
from core.events.event_log import open_event_log
from core.traits.definition import compile_definition
from core.traits.preview import NEEDS_MEMBERS, PREVIEWED_MESSAGES, TraitPreview, preview_trait
from core.workspaces.workspace import Workspace

LIVE_MESSAGES = 100_000
"""Looked at while somebody types; more when they ask."""


def draw_preview(workspace: Workspace, space_id: str, kind: str, definition: Mapping[str, object], *, key: str) -> bool:
    """Draw the sentence of the definition, its members, and return whether it may be saved."""
    with st.container(border=True, key="trait_preview"):
        st.markdown("**Who would have it**")
        try:
            compile_definition(kind, definition, "It")
        except InvalidField as error:
            st.caption(f"{escape_markdown(error.message)} {escape_markdown(error.hint)}")
            return False
        st.caption(escape_markdown(describe_definition(kind, definition)))
        found = None
        with error_panel("counting who would have the trait"):
            found = _count(workspace, space_id, kind, definition, key)
        return found is not None and _draw_found(found, key)


def _count(workspace: Workspace, space_id: str, kind: str, definition: Mapping[str, object], key: str) -> TraitPreview:
    place = st.empty()
    log_end = open_event_log(workspace).last_offset()
    document = orjson.dumps(definition).decode()
    messages = LIVE_MESSAGES
    if log_end > LIVE_MESSAGES and st.toggle("Look at the newest million messages", key=f"more_{key}"):
        messages = PREVIEWED_MESSAGES
    with place, st.spinner("Counting …"):
        return _read_preview(workspace, space_id, kind, document, messages, log_end)


@st.cache_data(show_spinner=False, max_entries=64, ttl=10)
def _read_preview(
    _workspace: Workspace, space_id: str, kind: str, document: str, messages: int, log_end: int
) -> TraitPreview:
    return preview_trait(_workspace, space_id, kind, orjson.loads(document), max_messages=messages)


def _draw_found(found: TraitPreview, key: str) -> bool:
    st.markdown(escape_markdown(found.sentence))
    if found.sample:
        st.dataframe(
            pd.DataFrame(
                {
                    "Who": [member.title for member in found.sample],
                    "Value": [format_value(member.value) for member in found.sample],
                }
            ),
            hide_index=True,
            alt="Some of those who would have the trait, with their value",
        )
    if found.has_members:
        return True
    st.warning(NEEDS_MEMBERS, icon=":material/warning:")
    return st.checkbox("Make it all the same: it fills as events arrive", key=f"anyway_{key}")
