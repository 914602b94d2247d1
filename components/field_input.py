"""The input of one field of a connector's definition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from components.state import forget_widget
from core.fields import Field, FieldType
from core.settings import HasSettings

KEPT = "Saved. Leave it empty to keep it."


@dataclass(frozen=True, slots=True)
class SavedSettings:
    """What is saved of the connector that is changed: its settings, and the names of the secrets that it has."""

    settings: Mapping[str, object]
    secret_names: Collection[str]


def draw_field(field: Field, key: str, saved: SavedSettings | None = None) -> object:
    """Draw the input of one field and return what it holds; a secret is never shown again."""
    value = field.default if saved is None or field.secret else saved.settings.get(field.name, field.default)
    label = field.label if field.required or field.choices else f"{field.label} :gray[(optional)]"
    help_ = field.description or None
    if field.choices:
        options = [choice for choice, _ in field.choices]
        index = options.index(str(value)) if value in options else 0
        return st.selectbox(label, options, index=index, format_func=dict(field.choices).get, help=help_, key=key)
    if field.type is FieldType.BOOLEAN:
        return st.checkbox(field.label, value=bool(value), help=help_, key=key)
    if field.secret:
        hint = KEPT if saved is not None and field.name in saved.secret_names else field.placeholder
        if field.type is FieldType.TEXT:
            return st.text_area(label, placeholder=hint, help=help_, height=140, key=key)
        # Tab goes from a password to its eye, and Streamlit then takes no note of what was typed. So each letter is
        # kept in the browser as it is typed, and goes to the server with the next press of a button, not by itself.
        return st.text_input(
            label, type="password", placeholder=hint, help=help_, key=key, live="0ms", on_change="ignore"
        )
    text = "" if value is None else str(value)
    if field.type is FieldType.TEXT:
        return st.text_area(label, value=text, placeholder=field.placeholder, help=help_, height=120, key=key)
    return st.text_input(label, value=text, placeholder=field.placeholder, help=help_, autocomplete="off", key=key)


def forget_secrets(definition: HasSettings, key_start: str) -> None:
    """Forget the secrets that were typed into a connector's fields, whose keys are `key_start` and the field's name."""
    for field in definition.settings:
        if field.secret:
            forget_widget(f"{key_start}{field.name}")
