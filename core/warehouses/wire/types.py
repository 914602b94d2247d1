"""Types by their numbers, which Postgres and Redshift share: what kind each is, and how its values travel to Arrow."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from core.warehouses.definition import ColumnType, Kind

MAX_DIGITS = 38
_NUMERIC, _JSON, _JSONB = 1700, 114, 3802
_KIND_OF_OID = {
    16: Kind.BOOLEAN,
    17: Kind.BYTES,
    18: Kind.TEXT,
    19: Kind.TEXT,
    20: Kind.INTEGER,
    21: Kind.INTEGER,
    23: Kind.INTEGER,
    25: Kind.TEXT,
    26: Kind.INTEGER,
    _JSON: Kind.JSON,
    700: Kind.FLOAT,
    701: Kind.FLOAT,
    705: Kind.TEXT,
    1042: Kind.TEXT,
    1043: Kind.TEXT,
    1082: Kind.DATE,
    1114: Kind.TIMESTAMP,
    1184: Kind.TIMESTAMPTZ,
    _NUMERIC: Kind.DECIMAL,
    2950: Kind.TEXT,
    _JSONB: Kind.JSON,
}
COMMON_NAMES = {
    16: "boolean",
    17: "bytea",
    20: "bigint",
    23: "integer",
    25: "text",
    701: "double precision",
    1082: "date",
    1114: "timestamp without time zone",
    1184: "timestamp with time zone",
    _NUMERIC: "numeric",
    _JSONB: "jsonb",
    2950: "uuid",
}
"""Names of types without a modifier, which need not be asked for."""

_ARROW = {
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    Kind.BYTES: pa.binary(),
}


@dataclass(frozen=True, slots=True)
class Transport:
    """How one column of a result travels: as `type` in Arrow, `expression` in SQL with {} for the column."""

    column: ColumnType
    type: pa.DataType
    expression: str = "{}"


def kind_of(oid: int, typtype: str, category: str) -> Kind:
    """Return the kind of a type by its number and what the catalog says of it: arrays and rows are documents."""
    if oid in _KIND_OF_OID:
        return _KIND_OF_OID[oid]
    if category == "A" or typtype == "c" or oid == 2249:
        return Kind.JSON
    return Kind.TEXT if typtype == "e" or category == "S" else Kind.OTHER


def make_transport(column: ColumnType, oid: int, modifier: int) -> Transport:
    """Return how a column travels."""
    if column.kind is Kind.DECIMAL:
        return Transport(column, _decimal(modifier))
    is_document = column.kind is Kind.JSON and oid not in (_JSON, _JSONB)
    return Transport(column, _ARROW.get(column.kind, pa.string()), "to_json({})" if is_document else "{}")


def _decimal(modifier: int) -> pa.DataType:
    if modifier < 4:
        return pa.string()  # a numeric without precision has as many digits as it likes
    precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (modifier - 4) & 0x7FF
    fits = precision <= MAX_DIGITS and scale <= precision
    return pa.decimal128(precision, scale) if fits else pa.string()
