"""The form of one kind of warehouse, drawn from its definition, beside the guide that its owner follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from components.state import forget_widget, read_widget
from core.fields import Field, FieldType
from core.warehouses.definition import SetupGuide, WarehouseDefinition
from core.warehouses.settings import is_shown

KEPT = "Saved. Leave it empty to keep it."


@dataclass(frozen=True, slots=True)
class ConnectionInput:
    """What a person typed and wants saved. The secrets stay out of the repr."""

    name: str
    settings: dict[str, object]
    secrets: dict[str, str] = field(repr=False)


def draw_connection_form(
    definition: WarehouseDefinition,
    *,
    key: str,
    name: str = "",
    saved: Mapping[str, object] | None = None,
    label: str = "Save",
) -> ConnectionInput | None:
    """Draw the form and the guide; return what was typed in the run in which **Save** is pressed.

    Args:
        definition: Whose fields are drawn; a field that depends on a choice appears with it.
        key: The form's session key; a new key is an empty form.
        name: What the warehouse is called at first.
        saved: The settings of a saved warehouse, whose secrets are kept where their fields are left empty.
        label: The button's label.
    """
    form, guide = st.columns([3, 2], gap="large")
    typed: dict[str, object] = {}
    with form, st.container(border=True):
        title = st.text_input("Name", value=name or definition.label, max_chars=80, key=f"{key}_name")
        for each in definition.settings:
            if is_shown(each, definition, typed):
                typed[each.name] = _draw_field(each, f"{key}_{each.name}", saved)
        pressed = st.button(label, type="primary", icon=":material/save:", key=f"{key}_save")
    with guide:
        draw_guide(definition, typed)
    if not pressed:
        return None
    secret = {each.name for each in definition.settings if each.secret}
    settings = {each: value for each, value in typed.items() if each not in secret and value not in (None, "")}
    return ConnectionInput(title, settings, {each: str(typed[each]) for each in secret & typed.keys() if typed[each]})


def forget_secrets(definition: WarehouseDefinition, *, key: str) -> None:
    """Empty the secret fields of the form, once they are saved; call before the form is drawn again."""
    for each in definition.settings:
        if each.secret:
            forget_widget(f"{key}_{each.name}")


def draw_guide(definition: WarehouseDefinition, typed: Mapping[str, object]) -> None:
    """Draw what the owner of the warehouse runs once, filled with what has been typed so far."""
    if definition.write_guide is None:
        return
    st.markdown("**What the owner of the warehouse runs once**")
    st.caption("Filled with the names in the form. Onramp reads with this login, and writes in its own schema only.")
    for guide in definition.write_guide(_without_secrets(definition, typed)):
        _draw_one_guide(guide)
    st.link_button("Documentation", definition.docs_url, icon=":material/menu_book:", type="tertiary")


def _draw_one_guide(guide: SetupGuide) -> None:
    with st.expander(guide.title, expanded=True):
        if guide.note:
            st.caption(guide.note)
        st.code(guide.text, language=guide.language, wrap_lines=True)


def _without_secrets(definition: WarehouseDefinition, typed: Mapping[str, object]) -> dict[str, object]:
    secret = {each.name for each in definition.settings if each.secret}
    return {name: value for name, value in typed.items() if name not in secret and value not in (None, "")}


def _draw_field(field: Field, key: str, saved: Mapping[str, object] | None) -> object:
    if read_widget(key) is None and saved is not None and not field.secret:
        value = saved.get(field.name, field.default)
    else:
        value = field.default
    label = field.label if field.required else f"{field.label} :gray[(optional)]"
    help_ = field.description or None
    if field.choices:
        options = [choice for choice, _ in field.choices]
        names = dict(field.choices)
        index = options.index(str(value)) if value in options else 0
        return st.selectbox(field.label, options, index=index, format_func=names.get, help=help_, key=key)
    if field.type is FieldType.BOOLEAN:
        return st.checkbox(field.label, value=bool(value), help=help_, key=key)
    if field.secret:
        hint = KEPT if saved is not None else field.placeholder
        if field.type is FieldType.TEXT:
            return st.text_area(label, placeholder=hint, help=help_, height=140, key=key)
        return st.text_input(label, type="password", placeholder=hint, help=help_, autocomplete="off", key=key)
    text = "" if value is None else str(value)
    if field.type is FieldType.TEXT:
        return st.text_area(label, value=text, placeholder=field.placeholder, help=help_, height=120, key=key)
    return st.text_input(label, value=text, placeholder=field.placeholder, help=help_, key=key)
