"""Snowflake's types: their kind, and the one Arrow type in which all parts of a result carry a column."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import orjson
import pyarrow as pa

from core.records import to_json_value
from core.warehouses.definition import ColumnType, Kind

_INT64_DIGITS = 18
_MAX_DIGITS = 38

_NUMBER = 0
# By the driver's type code: Snowflake's name of the type, and its kind
_TYPES: dict[int, tuple[str, Kind]] = {
    1: ("FLOAT", Kind.FLOAT),
    2: ("VARCHAR", Kind.TEXT),
    3: ("DATE", Kind.DATE),
    4: ("TIMESTAMP_NTZ", Kind.TIMESTAMP),
    5: ("VARIANT", Kind.JSON),
    6: ("TIMESTAMP_LTZ", Kind.TIMESTAMPTZ),
    7: ("TIMESTAMP_TZ", Kind.TIMESTAMPTZ),
    8: ("TIMESTAMP_NTZ", Kind.TIMESTAMP),
    9: ("OBJECT", Kind.JSON),
    10: ("ARRAY", Kind.JSON),
    11: ("BINARY", Kind.BYTES),
    12: ("TIME", Kind.OTHER),
    13: ("BOOLEAN", Kind.BOOLEAN),
    14: ("GEOGRAPHY", Kind.JSON),
    15: ("GEOMETRY", Kind.JSON),
    16: ("VECTOR", Kind.JSON),
    17: ("MAP", Kind.JSON),
}
_CATALOG_KINDS = dict(_TYPES.values()) | {"TEXT": Kind.TEXT, "DECFLOAT": Kind.DECIMAL}
_ARROW_TYPES: dict[Kind, pa.DataType] = {
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    Kind.BYTES: pa.binary(),
}


class DescribedColumn(Protocol):
    """One column as the driver describes it."""

    name: str
    type_code: int
    precision: int | None
    scale: int | None


def read_columns(description: Sequence[DescribedColumn], zone: str) -> tuple[ColumnType, ...]:
    """Return the columns of a result; `zone` is what times without one mean."""
    return tuple(_read_column(column, zone) for column in description)


def read_schema(columns: Sequence[ColumnType]) -> pa.Schema:
    """Return the Arrow schema in which a result's columns cross the boundary."""
    return pa.schema([pa.field(column.name, _to_arrow_type(column)) for column in columns])


def to_batches(table: pa.Table, schema: pa.Schema, batch_rows: int) -> list[pa.RecordBatch]:
    """Return a part of a result in batches of up to `batch_rows`, as `schema` says.

    The driver gives each part the narrowest integers that fit its values, so that parts differ.
    """
    columns = [_cast(column, field.type) for column, field in zip(table.columns, schema, strict=True)]
    batches: list[pa.RecordBatch] = pa.Table.from_arrays(columns, schema=schema).combine_chunks().to_batches(batch_rows)
    return batches


def write_catalog_type(name: str, precision: int | None, scale: int | None) -> str:
    """Return a type of the catalog as the description of a result writes it."""
    if name == "NUMBER" and precision is not None:
        return f"NUMBER({precision},{scale or 0})"
    return "VARCHAR" if name == "TEXT" else name


def kind_of(name: str, scale: int | None) -> Kind:
    """Return the kind of a type of the catalog."""
    if name == "NUMBER":
        return Kind.DECIMAL if scale else Kind.INTEGER
    return _CATALOG_KINDS.get(name, Kind.OTHER)


def _read_column(column: DescribedColumn, zone: str) -> ColumnType:
    if column.type_code == _NUMBER:
        if column.scale is None:
            return ColumnType(column.name, "DECFLOAT", Kind.DECIMAL)
        text = f"NUMBER({column.precision or _MAX_DIGITS},{column.scale})"
        return ColumnType(column.name, text, Kind.DECIMAL if column.scale else Kind.INTEGER)
    text, kind = _TYPES.get(column.type_code, ("OTHER", Kind.OTHER))
    return ColumnType(column.name, text, kind, zone if kind is Kind.TIMESTAMP else "UTC")


def _to_arrow_type(column: ColumnType) -> pa.DataType:
    if column.type.startswith("NUMBER("):
        precision, scale = (int(part) for part in column.type[7:-1].split(","))
        if scale == 0 and precision <= _INT64_DIGITS:
            return pa.int64()
        return pa.decimal128(_MAX_DIGITS, scale)
    return _ARROW_TYPES.get(column.kind, pa.string())


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    if pa.types.is_nested(column.type) or (pa.types.is_string(wanted) and pa.types.is_decimal(column.type)):
        return pa.chunked_array([pa.array([_write(value) for value in column.to_pylist()], wanted)])
    return column.cast(wanted)


def _write(value: object) -> str | None:
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else orjson.dumps(to_json_value(value)).decode()
