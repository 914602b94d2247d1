"""BigQuery's types: their text, their kind, and the Arrow type in which their values travel."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from google.cloud.bigquery import SchemaField

from core.warehouses.definition import ColumnType, Kind, tag_schema

_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_KINDS = {
    "INT64": Kind.INTEGER,
    "NUMERIC": Kind.DECIMAL,
    "BIGNUMERIC": Kind.DECIMAL,
    "FLOAT64": Kind.FLOAT,
    "BOOL": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "DATETIME": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMPTZ,
    "JSON": Kind.JSON,
    "STRUCT": Kind.JSON,
    "BYTES": Kind.BYTES,
    "STRING": Kind.TEXT,
}
_ARROW = {
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    Kind.BYTES: pa.binary(),
}


def base_type(field: SchemaField) -> str:
    """Return the type of one value by its name in SQL, without parameters: `INT64`, `STRUCT`."""
    name = str(field.field_type).upper()
    return _NAMES.get(name, name)


def is_array(field: SchemaField) -> bool:
    """Say whether the column holds an array."""
    return str(field.mode or "").upper() == "REPEATED"


def kind_of(field: SchemaField) -> Kind:
    """Return the kind of the column's values."""
    return Kind.JSON if is_array(field) else _KINDS.get(base_type(field), Kind.OTHER)


def type_text(field: SchemaField) -> str:
    """Return the type as SQL writes it, such as `ARRAY<STRUCT<a INT64, b STRING(10)>>`."""
    name = base_type(field)
    if name == "STRUCT":
        inner = ", ".join(f"{part.name} {type_text(part)}".strip() for part in field.fields)
        name = f"STRUCT<{inner}>"
    elif name == "RANGE" and field.range_element_type is not None:
        name = f"RANGE<{field.range_element_type.element_type}>"
    elif field.precision is not None:
        name += f"({field.precision}, {field.scale})" if field.scale else f"({field.precision})"
    elif field.max_length is not None:
        name += f"({field.max_length})"
    return f"ARRAY<{name}>" if is_array(field) else name


def arrow_type(field: SchemaField) -> pa.DataType:
    """Return how the column's values travel; BIGNUMERIC has up to 77 digits, more than an Arrow decimal holds."""
    kind = kind_of(field)
    if kind is Kind.DECIMAL and base_type(field) == "NUMERIC":
        return pa.decimal128(38, 9)
    return _ARROW.get(kind, pa.string())


def to_columns(fields: Iterable[SchemaField], zone: str) -> tuple[ColumnType, ...]:
    """Return the columns of a result."""
    return tuple(
        ColumnType(field.name, type_text(field), kind, zone if kind is Kind.TIMESTAMP else "UTC")
        for field in fields
        for kind in (kind_of(field),)
    )


def to_schema(fields: Iterable[SchemaField], zone: str) -> pa.Schema:
    """Return the Arrow schema of a result, tagged with the engine's types."""
    fields = list(fields)
    plain = pa.schema([pa.field(field.name, arrow_type(field)) for field in fields])
    return tag_schema(plain, to_columns(fields, zone))
