"""The mapping editor: drag a column onto a field, pick it from a search, or take a suggestion.

Works by mouse, finger and keyboard; undo and redo; a field takes a column or a constant. The browser keeps what a
person does at once and reports the whole mapping; Python sends it columns, fields, suggestions and notes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import streamlit as st

from components.assets import read_component_file
from components.controlled import Controlled
from components.error_panel import error_panel
from components.format import format_count, format_share, shorten
from components.state import read_component, write_component
from core.errors import MappingError
from core.fields import Field
from core.mappings.check import FieldReport, MappingReport
from core.mappings.mapping import ColumnRef, FieldMapping, MappingEntry
from core.mappings.validate import MAX_KEY_CHARS, MappingIssue
from core.warehouses.definition import ColumnType

_SCRIPTS = (
    "mapping_model.js",
    "mapping_list.js",
    "mapping_picker.js",
    "mapping_drag.js",
    "mapping_rows.js",
    "mapping_editor.js",
)
_mount = st.components.v2.component(
    "onramp_mapping_editor",
    html='<div class="mapping"></div>\n\n',
    css=read_component_file("mapping_editor.css"),
    js="\n".join(read_component_file(name) for name in _SCRIPTS),
)
Document: TypeAlias = dict[str, object]


class SuggestionLike(Protocol):
    """A proposed entry, and why it is proposed."""

    @property
    def entry(self) -> MappingEntry: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class _Screen:
    """Everything the editor shows besides the mapping."""

    columns: Sequence[ColumnType]
    fields: Sequence[Field]
    suggestions: Sequence[SuggestionLike] = ()
    samples: Mapping[str, str] = field(default_factory=dict)
    report: MappingReport | None = None
    issues: Sequence[MappingIssue] = ()


def draw_mapping_editor(
    columns: Sequence[ColumnType],
    fields: Sequence[Field],
    mapping: FieldMapping,
    key: str,
    suggestions: Sequence[SuggestionLike] = (),
    *,
    samples: Mapping[str, str] | None = None,
    report: MappingReport | None = None,
    issues: Sequence[MappingIssue] = (),
    choices: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    on_change: Callable[[FieldMapping], None] | None = None,
) -> FieldMapping:
    """Draw the editor and return the mapping as it stands.

    Args:
        columns: What can be dragged.
        fields: What can be filled; an object field with `free_keys` takes any number of named entries, a field with
            `choices` takes one of them.
        mapping: The saved mapping. The editor follows it when it is changed from elsewhere.
        key: Session key; another key is another editor.
        suggestions: Offered where their place is empty, each with its reason.
        samples: A sample value per column, shown on hover and in the search.
        report: Shown below each field: how much of it is filled, nulls, failures.
        issues: Shown below the field they belong to.
        choices: (value, label) pairs for fields whose choices are only known now, such as the spaces.
        on_change: With it, the editor runs in a fragment of its own: a change calls it and redraws the editor only,
            not the page. Without it, every change redraws the page.
    """
    fields = [replace(one, choices=tuple((choices or {}).get(one.name, one.choices))) for one in fields]
    screen = _Screen(columns, fields, suggestions, samples or {}, report, issues)
    if on_change is None:
        return _draw(screen, mapping, key, None)

    @st.fragment
    def editor() -> FieldMapping:
        return _draw(screen, mapping, key, on_change)

    drawn: FieldMapping = editor()
    return drawn


def read_typed_mapping(key: str) -> FieldMapping | None:
    """Return what the editor mounted under `key` reports, before it is drawn; None where it is not on the screen."""
    document = read_component(key, "mapping")
    return _read(document, FieldMapping(())) if isinstance(document, Mapping) else None


def _draw(
    screen: _Screen, mapping: FieldMapping, key: str, on_change: Callable[[FieldMapping], None] | None
) -> FieldMapping:
    given = mapping.to_dict()
    state: Controlled[Document] = Controlled(key, given, read_component(key, "mapping"))
    if state.is_replaced:
        write_component(key, "mapping", given)
    current = _read(state.value, mapping)
    _mount(key=key, data=_describe(screen, current, state.revision), on_mapping_change=_nothing)
    if on_change is not None and state.is_changed:
        with error_panel("saving the mapping"):  # in a fragment's own run no panel of the page is around it
            on_change(current)
    return current


def _read(document: object, fallback: FieldMapping) -> FieldMapping:
    """Return the reported mapping; what a browser sends is not trusted to have the right shape."""
    try:
        return FieldMapping.from_dict(document) if isinstance(document, Mapping) else fallback
    except MappingError:
        return fallback


def _describe(screen: _Screen, mapping: FieldMapping, revision: int) -> Document:
    return {
        "columns": [
            {"name": one.name, "type": str(one.kind), "sample": shorten(str(screen.samples.get(one.name, "")), 80)}
            for one in screen.columns
        ],
        "fields": [_describe_field(one) for one in sorted(screen.fields, key=_group_order)],
        "entries": mapping.to_dict()["entries"],
        "suggestions": [_describe_suggestion(one) for one in screen.suggestions],
        "notes": _describe_notes(screen, mapping),
        "max_key_chars": MAX_KEY_CHARS,
        "rev": revision,
    }


def _describe_field(one: Field) -> Document:
    return {
        "name": one.name,
        "label": one.label,
        "description": one.description,
        "required": one.required,
        "free_keys": one.free_keys,
        "choices": [list(choice) for choice in one.choices],
        "group": _group(one),
    }


def _describe_suggestion(one: SuggestionLike) -> Document:
    entry, value = one.entry, one.entry.value
    plain = {"column": value.column} if isinstance(value, ColumnRef) else {"constant": value.value}
    return {"field": entry.field, "key": entry.key, "value": plain, "reason": one.reason}


_GROUPS = ("Where it goes", "Identifiers", "Time and other fields")


def _group(one: Field) -> str:
    if one.free_keys:
        return one.label
    if one.choices:
        return _GROUPS[0]
    return _GROUPS[1] if one.name.endswith("_id") else _GROUPS[2]


def _group_order(one: Field) -> int:
    group = _group(one)
    return _GROUPS.index(group) if group in _GROUPS else len(_GROUPS)


def _describe_notes(screen: _Screen, mapping: FieldMapping) -> dict[str, dict[str, str]]:
    reports = screen.report.fields if screen.report else ()
    mapped = {entry.target for entry in mapping.entries}
    notes = {_target(one.field, one.key): _describe_report(one) for one in reports}
    notes = {target: note for target, note in notes.items() if target in mapped}
    for issue in screen.issues:
        notes[_target(issue.field, issue.key)] = {"text": issue.message, "tone": "bad" if issue.blocking else "warn"}
    return notes


def _describe_report(one: FieldReport) -> dict[str, str]:
    parts = [f"{format_share(one.coverage)} filled"]
    if one.nulls:
        parts.append(format_count(one.nulls, "null"))
    if one.failures:
        examples = ", ".join(shorten(str(sample), 24) for sample in one.failure_samples[:2])
        parts.append(format_count(one.failures, "failure") + (f" such as {examples}" if examples else ""))
    return {"text": " · ".join(parts), "tone": "bad" if one.failures else "good" if one.coverage >= 1 else ""}


def _target(name: str, key: str | None) -> str:
    return name if key is None else f"{name}.{key}"


def _nothing() -> None:
    """Stand in for a callback: Streamlit only hands out values that have one."""
