"""What is wrong with a mapping before any row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import MappingError, RequiredFieldUnmapped, TypeMismatch, UnknownColumn
from core.fields import Field, FieldType
from core.mappings.mapping import ColumnRef, FieldMapping, MappingEntry
from core.warehouses.definition import ColumnType, Kind

MAX_KEY_CHARS = 128
IDENTITY_FIELDS = ("user_id", "anonymous_id")
_TIME_KINDS = {Kind.TEXT, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.OTHER}
_TEXT_KINDS = set(Kind) - {Kind.BYTES, Kind.JSON}


@dataclass(frozen=True, slots=True)
class MappingIssue:
    """One thing to mend. Nothing is sent while an issue that is `blocking` stands."""

    code: str
    field: str
    key: str | None
    message: str
    hint: str
    blocking: bool


def validate_mapping(
    mapping: FieldMapping, fields: Sequence[Field], columns: Sequence[ColumnType]
) -> tuple[MappingIssue, ...]:
    """Return what is wrong, what blocks first.

    Args:
        mapping: The mapping as it stands.
        fields: The fields of the destination's action.
        columns: The columns that the SQL model returns.
    """
    by_name = {field.name: field for field in fields}
    kinds = {column.name: column for column in columns}
    issues = [*_find_missing(mapping, fields), *_find_duplicates(mapping)]
    for entry in mapping.entries:
        field = by_name.get(entry.field)
        if field is None:
            issues.append(
                _issue("unknown_field", entry, f"There is no field {entry.field!r}.", "Remove this entry.", True)
            )
            continue
        issues += _check_entry(entry, field, kinds)
    return tuple(sorted(issues, key=lambda issue: not issue.blocking))


def require_complete(mapping: FieldMapping, fields: Sequence[Field], columns: Sequence[ColumnType]) -> None:
    """Refuse a mapping with a blocking issue.

    Raises:
        UnknownColumn, RequiredFieldUnmapped, TypeMismatch, MappingError: The first blocking issue, as a sentence.
    """
    kinds: dict[str, type[MappingError]] = {
        "unknown_column": UnknownColumn,
        "required_field_unmapped": RequiredFieldUnmapped,
        "type_mismatch": TypeMismatch,
    }
    for issue in validate_mapping(mapping, fields, columns):
        if issue.blocking:
            kind = kinds.get(issue.code, MappingError)
            raise kind(issue.message, hint=issue.hint, code=issue.code)


def _find_missing(mapping: FieldMapping, fields: Sequence[Field]) -> list[MappingIssue]:
    filled = {entry.field for entry in mapping.entries}
    issues = [
        MappingIssue(
            "required_field_unmapped",
            field.name,
            None,
            f"{field.label} is required and not mapped.",
            f"Choose a column or a constant for {field.label}.",
            True,
        )
        for field in fields
        if field.required and field.name not in filled
    ]
    names = {field.name: field.label for field in fields}
    if all(name in names for name in IDENTITY_FIELDS) and not filled.intersection(IDENTITY_FIELDS):
        issues.append(
            MappingIssue(
                "required_field_unmapped",
                "user_id",
                None,
                "Neither User ID nor Anonymous ID is mapped.",
                "Map the column that names a customer to User ID.",
                True,
            )
        )
    return issues


def _find_duplicates(mapping: FieldMapping) -> list[MappingIssue]:
    counts = Counter((entry.field, entry.key) for entry in mapping.entries)
    return [
        MappingIssue(
            "mapped_twice", field, key, f"{key or field} is mapped twice.", "Keep one of the two entries.", True
        )
        for (field, key), count in counts.items()
        if count > 1
    ]


def _check_entry(entry: MappingEntry, field: Field, columns: dict[str, ColumnType]) -> list[MappingIssue]:
    issues = []
    if field.free_keys and not (entry.key or "").strip():
        issues.append(
            _issue("key_missing", entry, f"A value of {field.label} has no name.", "Give the trait a name.", True)
        )
    if entry.key is not None and not field.free_keys:
        issues.append(_issue("key_not_allowed", entry, f"{field.label} has no keys.", "Remove this entry.", True))
    if entry.key is not None and len(entry.key) > MAX_KEY_CHARS:
        issues.append(
            _issue(
                "key_too_long",
                entry,
                f"The trait name {entry.key[:30]!r}… has {len(entry.key)} characters.",
                f"Use at most {MAX_KEY_CHARS}.",
                True,
            )
        )
    if isinstance(entry.value, ColumnRef):
        issues += _check_column(entry, entry.value.column, field, columns)
    elif field.required and not str(entry.value.value or "").strip():
        issues.append(
            _issue("required_field_unmapped", entry, f"{field.label} is empty.", f"Choose {field.label}.", True)
        )
    return issues


def _check_column(entry: MappingEntry, name: str, field: Field, columns: dict[str, ColumnType]) -> list[MappingIssue]:
    column = columns.get(name)
    if column is None:
        return [
            _issue(
                "unknown_column",
                entry,
                f"The column {name!r}, mapped to {entry.target}, is no longer in the SQL model.",
                "Choose another column, or put it back into the SQL.",
                True,
            )
        ]
    if field.free_keys:
        return []
    fits = _TIME_KINDS if field.type is FieldType.DATETIME else _TEXT_KINDS
    if column.kind in fits:
        return []
    wanted = "a date or time" if field.type is FieldType.DATETIME else "a text or a number"
    return [
        _issue(
            "type_mismatch",
            entry,
            f"{field.label} takes {wanted}; the column {name!r} is {column.type}.",
            "Choose another column, or cast it in the SQL.",
            True,
        )
    ]


def _issue(code: str, entry: MappingEntry, message: str, hint: str, blocking: bool) -> MappingIssue:
    return MappingIssue(code, entry.field, entry.key, message, hint, blocking)
