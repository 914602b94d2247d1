"""A mapping as DuckDB SQL over the Arrow stream of a SQL model.

One compiled mapping serves the diff, the check over all rows and the test record, so that what is shown is what is
sent. The payload is JSON text with sorted keys by the rules of `core.records`; its checksum is 128 bits of MD5 over
that text, so NULL differs from the empty text and the order of columns has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from core.fields import Field, FieldType
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.mappings.validate import IDENTITY_FIELDS
from core.records import MAX_SAFE_INTEGER, to_json_value
from core.sql_models.limits import MAX_RECORD_BYTES, MAX_TRAITS_ROW_BYTES, MAX_VALUE_BYTES
from core.warehouses.definition import ColumnType, Kind

MAX_KEY_CHARS = 1024

REASONS = {
    "record_null_unique_id": "The unique identifier is empty.",
    "record_invalid_id": f"The unique identifier is longer than {MAX_KEY_CHARS:,} characters.",
    "record_duplicate": "Several rows have this unique identifier.",
    "required_missing": "A required field is empty in this row.",
    "type_mismatch": "A value cannot become the type that its field takes.",
    "value_too_large": f"A value is larger than {MAX_VALUE_BYTES // 1024} KiB.",
    "record_too_large": f"The record is larger than {MAX_RECORD_BYTES // 1024} KiB.",
    "row_too_large": f"The row takes {MAX_TRAITS_ROW_BYTES // 1024} KiB or more: too much for SQL traits.",
}


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """SQL expressions over a relation that has the SQL model's columns.

    `payload` is JSON text; `key` the row's key as text; `reject_code` is NULL for a record that can be sent, and
    `reject_field` names the field to blame. `filled` and `failed` are booleans per mapped target.
    """

    key: str
    payload: str
    reject_code: str
    reject_field: str
    filled: dict[str, str]
    failed: dict[str, str]

    def select(self, relation: str, extra: str = "") -> str:
        """Return a query of key, payload, reject_code, reject_field, and what `extra` names, over `relation`."""
        more = f", {extra}" if extra else ""
        return (
            f"SELECT {self.key} AS key, {self.payload} AS payload, {self.reject_code} AS reject_code, "  # noqa: S608
            f"{self.reject_field} AS reject_field{more} FROM {relation}"
        )


def compile_mapping(
    mapping: FieldMapping,
    fields: Sequence[Field],
    columns: Sequence[ColumnType],
    key_column: str,
    *,
    max_row_bytes: int | None = None,
) -> CompiledMapping:
    """Return the SQL of a complete mapping (see `validate.require_complete`), for `core.mappings.engine`.

    Args:
        mapping: A mapping without blocking issues.
        fields: The fields of the destination's action.
        columns: The columns of the stream, with their kinds.
        key_column: The unique identifier column.
        max_row_bytes: Rows of this many bytes of payload or more are rejected, where the action has a limit of its own.
    """
    by_field = {field.name: field for field in fields}
    kinds = {column.name: column.kind for column in columns}
    zones = {column.name: column.zone for column in columns}
    values = {entry.target: _compile_value(entry, by_field[entry.field], kinds, zones) for entry in mapping.entries}
    failed = {
        entry.target: check
        for entry in mapping.entries
        if (check := _compile_failure(entry, by_field[entry.field], kinds)) is not None
    }
    payload = _object(mapping, by_field, values)
    key = f"CAST({quote(key_column)} AS VARCHAR)"
    code, field = _compile_reject(mapping, by_field, kinds, values, failed, key, payload, max_row_bytes)
    return CompiledMapping(
        key=key,
        payload=payload,
        reject_code=code,
        reject_field=field,
        filled={target: f"({value}) IS NOT NULL" for target, value in values.items()},
        failed=failed,
    )


def quote(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def canonical_value(column: str, kind: Kind, zone: str = "UTC") -> str:
    """Return SQL that makes the canonical JSON of a column's value; NULL stays NULL.

    `zone` is what the times of a `timestamp` column mean.
    """
    name = quote(column)
    match kind:
        case Kind.INTEGER:
            safe = f"{name} BETWEEN -{MAX_SAFE_INTEGER} AND {MAX_SAFE_INTEGER}"
            return f"CASE WHEN {safe} THEN to_json({name}) ELSE to_json(CAST({name} AS VARCHAR)) END"
        case Kind.DECIMAL:
            return _decimal(name)
        case Kind.FLOAT:
            return f"CASE WHEN isfinite(CAST({name} AS DOUBLE)) THEN to_json(CAST({name} AS DOUBLE)) END"
        case Kind.BOOLEAN:
            return f"to_json({name})"
        case Kind.DATE:
            return f"CASE WHEN isfinite({name}) THEN to_json(CAST({name} AS VARCHAR)) END"
        case Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            return f"to_json({_iso(name, kind, zone)})"
        case Kind.BYTES:
            return f"to_json(base64({name}))"
        case Kind.JSON:
            return f"CAST(canonical_json({name}) AS JSON)"
    return f"to_json(CAST({name} AS VARCHAR))"


def _decimal(name: str) -> str:
    # An engine may give decimals as text. With up to 15 characters, the nearest double reads back as the same decimal.
    text = f"CAST({name} AS VARCHAR)"
    double = f"TRY_CAST({text} AS DOUBLE)"
    return (
        f"CASE WHEN {name} IS NULL THEN NULL WHEN length({text}) <= 15 AND isfinite({double}) THEN "
        f"CASE WHEN {double} = trunc({double}) THEN to_json(CAST({double} AS BIGINT)) ELSE to_json({double}) END "
        f"ELSE CAST(canonical_decimal({text}) AS JSON) END"
    )


def _iso(name: str, kind: Kind, zone: str = "UTC") -> str:
    if kind is Kind.TIMESTAMPTZ:
        utc = f"({name} AT TIME ZONE 'UTC')"
    elif zone == "UTC":
        utc = f"CAST({name} AS TIMESTAMP)"
    else:
        utc = f"((CAST({name} AS TIMESTAMP) AT TIME ZONE {literal(zone)}) AT TIME ZONE 'UTC')"
    return (
        f"CASE WHEN {utc} IS NULL OR NOT isfinite({utc}) THEN NULL WHEN date_trunc('second', {utc}) = {utc} "
        f"THEN strftime({utc}, '%Y-%m-%dT%H:%M:%SZ') ELSE strftime({utc}, '%Y-%m-%dT%H:%M:%S.%fZ') END"
    )


def _compile_value(entry: MappingEntry, field: Field, kinds: dict[str, Kind], zones: dict[str, str]) -> str:
    if isinstance(entry.value, Constant):
        return _constant(entry.value, field)
    column = entry.value.column
    kind, zone = kinds[column], zones[column]
    if field.free_keys:
        return canonical_value(column, kind, zone)
    if field.type is FieldType.DATETIME:
        return f"to_json({_to_time(column, kind, zone)})"
    return f"to_json({_to_text(column, kind, zone)})"


def _constant(constant: Constant, field: Field) -> str:
    value = to_json_value(constant.value)
    if value is None:
        return "CAST(NULL AS JSON)"
    if not field.free_keys:
        value = str(value)
    return f"CAST({literal(orjson.dumps(value).decode())} AS JSON)"


def _to_text(column: str, kind: Kind, zone: str) -> str:
    is_time = kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
    text = _iso(quote(column), kind, zone) if is_time else f"CAST({quote(column)} AS VARCHAR)"
    return f"nullif(trim({text}), '')"


def _to_time(column: str, kind: Kind, zone: str) -> str:
    name = quote(column)
    if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return _iso(name, kind, zone)
    if kind is Kind.DATE:
        return _iso(f"CAST({name} AS TIMESTAMP)", Kind.TIMESTAMP)
    return _iso(f"TRY_CAST({name} AS TIMESTAMPTZ)", Kind.TIMESTAMPTZ)


def _compile_failure(entry: MappingEntry, field: Field, kinds: dict[str, Kind]) -> str | None:
    if not isinstance(entry.value, ColumnRef) or field.free_keys or field.type is not FieldType.DATETIME:
        return None
    if kinds[entry.value.column] in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.DATE):
        return None
    name = quote(entry.value.column)
    time = _to_time(entry.value.column, Kind.TEXT, "UTC")
    return f"(nullif(trim({name}), '') IS NOT NULL AND {time} IS NULL)"


def _object(mapping: FieldMapping, fields: dict[str, Field], values: dict[str, str]) -> str:
    members: dict[str, str] = {}
    free: dict[str, dict[str, str]] = {}
    for entry in mapping.entries:
        if fields[entry.field].free_keys:
            free.setdefault(entry.field, {})[entry.key or ""] = values[entry.target]
        else:
            members[entry.field] = values[entry.target]
    members |= {field: _json_object(keys) for field, keys in free.items()}
    return f"CAST({_json_object(members)} AS VARCHAR)"


def _json_object(members: dict[str, str]) -> str:
    pairs = ", ".join(f"{literal(name)}, {members[name]}" for name in sorted(members))
    return f"json_object({pairs})"


def _compile_reject(
    mapping: FieldMapping,
    fields: dict[str, Field],
    kinds: dict[str, Kind],
    values: dict[str, str],
    failed: dict[str, str],
    key: str,
    payload: str,
    max_row_bytes: int | None,
) -> tuple[str, str]:
    rules: list[tuple[str, str, str]] = [
        (f"{key} IS NULL OR trim({key}) = ''", "record_null_unique_id", ""),
        (f"length({key}) > {MAX_KEY_CHARS}", "record_invalid_id", ""),
    ]
    identities = [values[name] for name in IDENTITY_FIELDS if name in values]
    if identities:
        rules.append((" AND ".join(f"({value}) IS NULL" for value in identities), "required_missing", "user_id"))
    rules += [
        (f"({values[entry.target]}) IS NULL", "required_missing", entry.target)
        for entry in mapping.entries
        if fields[entry.field].required and isinstance(entry.value, ColumnRef)
    ]
    rules += [(check, "type_mismatch", target) for target, check in failed.items()]
    large = (Kind.TEXT, Kind.JSON, Kind.BYTES, Kind.OTHER)
    for column in mapping.columns():
        if kinds[column] in large:
            size = "octet_length" if kinds[column] is Kind.BYTES else "strlen"
            rules.append((f"{size}({quote(column)}) > {MAX_VALUE_BYTES}", "value_too_large", column))
    rules.append((f"strlen({payload}) > {MAX_RECORD_BYTES}", "record_too_large", ""))
    if max_row_bytes is not None:
        rules.append((f"strlen({payload}) >= {max_row_bytes}", "row_too_large", ""))
    code = " ".join(f"WHEN {test} THEN {literal(name)}" for test, name, _ in rules)
    field = " ".join(f"WHEN {test} THEN {literal(blamed)}" for test, _, blamed in rules)
    return f"CASE {code} END", f"CASE {field} END"
