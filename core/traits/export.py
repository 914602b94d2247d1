"""A computed trait as a CSV file: everybody who has a value, in one of three layouts (spec/profiles.md 2.2).

A text that a spreadsheet would take for a formula gets an apostrophe before it, so that opening the file runs nothing;
numbers and phone numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import orjson
from sqlalchemy import Connection, func, select

from core.identity.rules import read_rules
from core.profiles.lookup import read_identifiers
from core.storage.tables import identifiers, trait_states
from core.traits.computed_trait import ComputedTrait, Scope
from core.traits.definition import ACCOUNT_PREFIX
from core.traits.states import read_values
from core.workspaces.workspace import Workspace

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().-]*$)")
_Known = Mapping[str, Sequence[str]]
"""The values of each identifier type of one person, first seen first."""


class ExportLayout(StrEnum):
    """How a person's several identifiers are laid out."""

    JSON = "json"
    COLUMNS = "columns"
    ROWS = "rows"


LAYOUTS: Mapping[ExportLayout, str] = {
    ExportLayout.JSON: "Unformatted: one row a person, all identifiers as JSON in one column",
    ExportLayout.COLUMNS: "Indexed columns: one row a person, email_1, email_2 … in columns of their own",
    ExportLayout.ROWS: "Extra rows: a column a type; further values of a person in rows of their own",
}


def export_trait(workspace: Workspace, trait: ComputedTrait, layout: ExportLayout) -> Iterator[str]:
    """Yield the text of the file piece by piece, the heading first. Memory does not grow with the people."""
    with workspace.database.reading() as connection:
        widths = _count_columns(connection, trait, layout)
        yield _write([["trait_key", "trait_value", *_make_heading(layout, widths)]])
        for values in read_values(connection, trait, workspace.now()):
            known = _read_known(connection, trait, list(values))
            yield _write(
                [trait.key, _to_cell(value), *cells]
                for owner, value in values.items()
                for cells in _lay_out(layout, widths, known.get(owner, {}))
            )


def guard(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    Example:
        >>> guard("=1+1"), guard("+14155550100"), guard("-3.5"), guard("-cmd")
        ("'=1+1", '+14155550100', '-3.5', "'-cmd")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _make_heading(layout: ExportLayout, widths: Mapping[str, int]) -> list[str]:
    if layout is ExportLayout.JSON:
        return ["identifiers"]
    if layout is ExportLayout.ROWS:
        return list(widths)
    return [f"{type_}_{number}" for type_, width in widths.items() for number in range(1, width + 1)]


def _lay_out(layout: ExportLayout, widths: Mapping[str, int], known: _Known) -> list[list[str]]:
    """Return the identifier cells of a person's rows, at least one row."""
    if layout is ExportLayout.JSON:
        pairs = [{"type": type_, "value": value} for type_, values in known.items() for value in values]
        return [[orjson.dumps(pairs).decode()]]
    if layout is ExportLayout.COLUMNS:
        return [[cell for type_, width in widths.items() for cell in _pad(known.get(type_, ()), width)]]
    height = max((len(values) for values in known.values()), default=1)
    columns = [_pad(known.get(type_, ()), height) for type_ in widths]
    return [list(row) for row in zip(*columns, strict=True)] or [[]]


def _pad(values: Sequence[str], width: int) -> list[str]:
    return [guard(value) for value in values] + [""] * (width - len(values))


def _count_columns(connection: Connection, trait: ComputedTrait, layout: ExportLayout) -> dict[str, int]:
    """Return the identifier types by priority, each with how many of them one person has at most."""
    if layout is ExportLayout.JSON:
        return {}
    if trait.scope is Scope.ACCOUNT:
        return {"group_id": 1}
    its, states = identifiers.c, trait_states.c
    counted = (
        select(its.type, func.count().label("width"))
        .join(trait_states, (states.space_id == its.space_id) & (states.profile_id == its.profile_id))
        .where(its.space_id == trait.space_id, states.trait_id == trait.id, states.has_value == 1)
        .group_by(its.type, its.profile_id)
        .subquery()
    )
    rows = connection.execute(select(counted.c.type, func.max(counted.c.width)).group_by(counted.c.type))
    widths = {row[0]: int(row[1]) for row in rows}
    return {type_: widths[type_] for type_ in _order_types(connection, trait.space_id, widths)}


def _order_types(connection: Connection, space_id: str, types: Mapping[str, object]) -> list[str]:
    priorities = {rule.type: rule.priority for rule in read_rules(connection, space_id)}
    return sorted(types, key=lambda type_: (priorities.get(type_, 1 << 30), type_))


def _read_known(connection: Connection, trait: ComputedTrait, owners: Sequence[str]) -> dict[str, _Known]:
    if trait.scope is Scope.ACCOUNT:
        return {owner: {"group_id": [owner.removeprefix(ACCOUNT_PREFIX)]} for owner in owners}
    known: dict[str, dict[str, list[str]]] = {}
    for owner, its in read_identifiers(connection, trait.space_id, owners).items():
        for each in its:
            known.setdefault(owner, {}).setdefault(each.type, []).append(each.value)
    return dict(known)


def _to_cell(value: object) -> str:
    return guard(value) if isinstance(value, str) else orjson.dumps(value).decode()


def _write(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
