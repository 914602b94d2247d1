"""Redshift's types: what kind each is, and how its values travel from the driver into Arrow.

Decimals and times travel as the server's text: the driver's own objects hold no year before 1 or after 9999, and it
takes the bytes of a VARBYTE for UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from core.warehouses.definition import ColumnType, Kind
from core.warehouses.wire.texts import convert_texts
from core.warehouses.wire.types import Transport, kind_of, make_transport

READ_BY_DRIVER = frozenset({16, 20, 21, 23, 26, 700, 701})
"""Booleans, integers and floats, whose objects in Python hold all that the server's hold."""

_SUPER, _VARBYTE, _NUMERIC, _REAL = 4000, 6551, 1700, 700
_OWN_KINDS = {_SUPER: Kind.JSON, _VARBYTE: Kind.BYTES}
_NAMES = {
    16: "boolean",
    18: "char",
    19: "name",
    20: "bigint",
    21: "smallint",
    23: "integer",
    25: "text",
    26: "oid",
    _REAL: "real",
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
    _NUMERIC: "numeric",
    2935: "hllsketch",
    3000: "geometry",
    3001: "geography",
    _SUPER: "super",
    _VARBYTE: "varbyte",
}
_OIDS = {name: oid for oid, name in _NAMES.items()} | {"binary varying": _VARBYTE}


def plan_column(name: str, oid: int, modifier: int, zone: str) -> Transport:
    """Return how one column of a result travels."""
    kind = _OWN_KINDS.get(oid) or kind_of(oid, "", "")
    text = _NAMES.get(oid, f"type {oid}") + _write_modifier(oid, modifier)
    column = ColumnType(name, text, kind, zone if kind is Kind.TIMESTAMP else "UTC")
    return make_transport(column, oid, modifier)


def kind_of_name(type_text: str) -> Kind:
    """Return the kind of a type as the catalog names it, such as `numeric(18,2)`."""
    oid = _OIDS.get(type_text.partition("(")[0].strip().lower(), 0)
    return _OWN_KINDS.get(oid) or kind_of(oid, "", "")


def make_array(values: Sequence[object], transport: Transport) -> pa.Array:
    """Return one column's values, as the driver gave them, as Arrow wants them."""
    match transport.column.kind:
        case Kind.FLOAT if transport.column.type == _NAMES[_REAL]:
            # By its shortest text: 0.1 is 0.1, and not the double nearest to what 32 bits hold of it
            return pa.array(values, pa.float32()).cast(pa.string()).cast(transport.type)
        case Kind.FLOAT | Kind.INTEGER | Kind.BOOLEAN:
            return pa.array(values, transport.type)
        case Kind.BYTES:
            return pa.array([None if text is None else bytes.fromhex(str(text)) for text in values], transport.type)
    return convert_texts(pa.array(values, pa.string()), transport.type)


def _write_modifier(oid: int, modifier: int) -> str:
    if modifier < 4:
        return ""
    if oid == _NUMERIC:
        return f"({((modifier - 4) >> 16) & 0xFFFF},{(modifier - 4) & 0xFFFF})"
    return f"({modifier - 4})" if oid in (1042, 1043) else ""
