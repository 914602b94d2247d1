"""The popups that change a source: its name, its settings, its write key."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from components.error_panel import error_panel
from components.field_input import SavedSettings, draw_field, forget_secrets
from core.settings import split_secrets
from core.sources.change import change_source
from core.sources.registry import get_definition
from core.sources.rotation import GRACE, rotate_write_key
from core.sources.store import Source, read_source_secrets, rename_source
from core.workspaces.workspace import Workspace

_AT_ONCE, _LATER = "at once", "later"


def ask_for_name(workspace: Workspace, source: Source) -> None:
    """Open the popup that renames the source."""

    @st.dialog("Rename the source")
    def popup() -> None:
        name = st.text_input("Name", value=source.name, max_chars=128, key="new_name")
        if st.button("Save name", type="primary", key="save_name"):
            with error_panel("renaming the source") as attempt:
                rename_source(workspace, source.id, name or "")
            if not attempt.failed:
                st.rerun()

    popup()


def ask_for_settings(workspace: Workspace, source: Source) -> None:
    """Open the popup that changes what a source of its kind needs to know, such as the address of a website."""
    definition = get_definition(source.kind)

    @st.dialog("Change the settings")
    def popup() -> None:
        saved = SavedSettings(source.settings, read_source_secrets(workspace, source.id).keys())
        typed = {each.name: draw_field(each, f"changed_{each.name}", saved) for each in definition.settings}
        if st.button("Save settings", type="primary", key="save_settings"):
            settings, secrets = split_secrets(definition, typed)
            with error_panel("changing the source") as attempt:
                change_source(workspace, source.id, settings=settings, secrets=secrets)
            if not attempt.failed:
                forget_secrets(definition, "changed_")
                st.rerun()

    popup()


def ask_for_rotation(workspace: Workspace, source: Source) -> None:
    """Open the popup that rotates the source's write key."""

    @st.dialog("Rotate the write key")
    def popup() -> None:
        st.markdown("A new key is made now. What sends with the old one has to be given the new one.")
        labels = {
            _LATER: f"Take the old key for {GRACE.days} more days",
            _AT_ONCE: "Refuse the old key at once",
        }
        captions = ["So that nothing is lost while you replace it.", "For a key that was misused: events are lost."]
        when = st.radio("The old key", list(labels), format_func=labels.get, captions=captions, key="rotation_when")
        if st.button("Rotate", type="primary", key="rotate_now"):
            with error_panel("rotating the write key") as attempt:
                rotate_write_key(workspace, source.id, grace=GRACE if when == _LATER else timedelta())
            if not attempt.failed:
                st.rerun()

    popup()
