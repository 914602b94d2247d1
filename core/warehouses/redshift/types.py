"""Redshift's types: what kind each is, and how its values travel from the driver into Arrow.

Decimals and times travel as text: the driver's own objects hold no year before 1 or after 9999, and text is faster.
"""

from __future__ import annotations

import pyarrow as pa

from core.warehouses.definition import ColumnType, Kind
from core.warehouses.wire.types import Transport, kind_of, make_transport

_SUPER, _VARBYTE = 4000, 6551
_OWN_KINDS = {_SUPER: Kind.JSON, _VARBYTE: Kind.BYTES}
_OWN_NAMES = {_SUPER: "super", _VARBYTE: "varbyte", 3000: "geometry", 3001: "geography", 2935: "hllsketch"}
_NAMES = {
    16: "boolean",
    18: "char",
    19: "name",
    20: "bigint",
    21: "smallint",
    23: "integer",
    25: "text",
    26: "oid",
    114: "json",
    700: "real",
    701: "double precision",
    1042: "character",
    1043: "character varying",
    1082: "date",
    1083: "time without time zone",
    1114: "timestamp without time zone",
    1184: "timestamp with time zone",
    1188: "interval year to month",
    1190: "interval day to second",
    1266: "time with time zone",
    1700: "numeric",
    3802: "jsonb",
    17: "bytea",
} | _OWN_NAMES
_AS_TEXT = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.DECIMAL)


def plan_column(name: str, oid: int, modifier: int, zone: str) -> Transport:
    """Return how one column of a result travels."""
    kind = _OWN_KINDS.get(oid) or kind_of(oid, "", "")
    text = _NAMES.get(oid, f"type {oid}") + _write_modifier(oid, modifier)
    column = ColumnType(name, text, kind, zone if kind is Kind.TIMESTAMP else "UTC")
    transport = make_transport(column, oid, modifier)
    return Transport(column, transport.type, "CAST({} AS VARCHAR(64))" if kind in _AS_TEXT else "{}")


def kind_of_name(type_text: str) -> Kind:
    """Return the kind of a type as the catalog names it, such as `numeric(18,2)`."""
    name = type_text.partition("(")[0].strip().lower()
    oid = next((oid for oid, known in _NAMES.items() if known == name), 0)
    return _OWN_KINDS.get(oid) or kind_of(oid, "", "")


def make_array(values: list[object], wanted: pa.DataType) -> pa.Array:
    """Return one column's values as the driver gave them, those that travel as text not yet converted."""
    if pa.types.is_string(wanted):
        return pa.array([value if value is None or isinstance(value, str) else str(value) for value in values], wanted)
    is_text = any(isinstance(value, str) for value in values)
    if pa.types.is_binary(wanted):
        return pa.array(
            [bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else value for value in values], wanted
        )
    return pa.array(values, pa.string() if is_text else wanted)


def _write_modifier(oid: int, modifier: int) -> str:
    if modifier < 4:
        return ""
    if oid == 1700:
        return f"({((modifier - 4) >> 16) & 0xFFFF},{(modifier - 4) & 0xFFFF})"
    return f"({modifier - 4})" if oid in (1042, 1043) else ""
