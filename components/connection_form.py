"""The form of one kind of warehouse, drawn from its definition, beside the guide that its owner follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import streamlit as st

from components.error_panel import error_panel
from components.field_input import SavedSettings, draw_field, forget_secrets
from components.plain_text import escape_markdown
from core.errors import CoreError, MissingField
from core.settings import is_shown, split_secrets
from core.warehouses.definition import SetupGuide, WarehouseDefinition

NAME = "name"


@dataclass(frozen=True, slots=True)
class ConnectionInput:
    """What a person typed and wants saved. The secrets stay out of the repr."""

    name: str
    settings: dict[str, object]
    secrets: dict[str, str] = field(repr=False)


def draw_connection_form(
    definition: WarehouseDefinition,
    save: Callable[[ConnectionInput], None],
    *,
    key: str,
    name: str = "",
    saved: SavedSettings | None = None,
) -> bool:
    """Draw the form and the guide; return whether **Save** has been pressed and `save` has done its work.

    A failure is told under the button, and again at the field that it is about. What was typed stays for another try;
    once it is saved, the secrets are forgotten.

    Args:
        definition: Whose fields are drawn; a field that depends on a choice appears with it.
        save: Tests and saves what was typed; raises what is wrong with it.
        key: The form's session key; a new key is an empty form.
        name: What the warehouse is called at first.
        saved: The warehouse that is changed, which has its name; its secrets are kept where their fields are empty.
    """
    form, guide = st.columns([3, 2], gap="large") if definition.write_guide else (st.container(), None)
    typed: dict[str, object] = {}
    notes = {}
    with form, st.container(border=True):
        title = ""
        if saved is None:
            title = st.text_input("Name", value=name or definition.label, max_chars=80, key=f"{key}_{NAME}")
            notes[NAME] = st.empty()
        for each in definition.settings:
            if is_shown(each, definition, typed):
                typed[each.name] = draw_field(each, f"{key}_field_{each.name}", saved)
                notes[each.name] = st.empty()
        pressed = st.button("Save", type="primary", icon=":material/save:", key=f"{key}_save")
        outcome = st.container()
    if guide is not None:
        with guide:
            draw_guide(definition, typed)
    if not pressed:
        return False
    testing = st.spinner("Testing the connection: log in, read, write …")
    with outcome, error_panel("saving the connection") as attempt, testing:
        save(ConnectionInput(title.strip(), *split_secrets(definition, typed)))
    if attempt.error is not None:
        _draw_notes(definition, attempt.error, notes)
    if not attempt.failed:
        forget_secrets(definition, f"{key}_field_")
    return not attempt.failed


def draw_guide(definition: WarehouseDefinition, typed: Mapping[str, object]) -> None:
    """Draw what the owner of the warehouse runs once, filled with what has been typed so far."""
    if definition.write_guide is None:
        return
    st.markdown("**What the owner of the warehouse runs once**")
    st.caption("Filled with the names in the form. Onramp reads with this login, and writes in its own schema only.")
    settings, _secrets = split_secrets(definition, typed)
    for guide in definition.write_guide(settings):
        _draw_one_guide(guide)
    st.link_button("Documentation", definition.docs_url, icon=":material/menu_book:", type="tertiary")


def _draw_one_guide(guide: SetupGuide) -> None:
    with st.expander(guide.title, expanded=True):
        if guide.note:
            st.caption(guide.note)
        st.code(guide.text, language=guide.language, wrap_lines=True)


def _draw_notes(definition: WarehouseDefinition, error: CoreError, notes: Mapping[str, object]) -> None:
    """Say at each field what is wrong with it, so that nobody looks for it in a long form."""
    labels = {NAME: "Name", **{each.name: each.label for each in definition.settings}}
    about = error.context.get("fields", (error.context.get("field"),))
    for name in (name for name in about if name in notes):
        sentence = f"{labels[name]} is missing." if isinstance(error, MissingField) else error.message
        notes[name].markdown(f":red[:material/error: {escape_markdown(sentence)}]")
