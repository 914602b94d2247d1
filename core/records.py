"""Plain JSON for values of every engine, in one canonical text.

The rules: keys sorted; times as ISO 8601 in UTC with `Z`, dates as `YYYY-MM-DD`; a decimal that a double holds
exactly as a number, any other as text; integers beyond 2**53 as text; bytes as base64; NaN and infinities as null;
NULL stays null and is not the empty text.
"""

from __future__ import annotations

import base64
import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias

import orjson
import pyarrow as pa

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_SAFE_INTEGER = 2**53


def to_json_value(value: object) -> Json:
    """Return `value`, as a driver or Arrow gives it, as a plain JSON value.

    Example:
        >>> to_json_value(Decimal("19.90")), to_json_value(float("nan")), to_json_value(2**60)
        (19.9, None, '1152921504606846976')
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= MAX_SAFE_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return _from_decimal(value)
        case datetime():
            at = value if value.tzinfo else value.replace(tzinfo=UTC)
            return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case uuid.UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case dict():
            return {str(key): to_json_value(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [to_json_value(item) for item in value]
    return str(value)


def canonical_json(value: object) -> bytes:
    """Return the one text that stands for `value`: equal values give equal bytes, whatever their key order."""
    return orjson.dumps(to_json_value(value), option=orjson.OPT_SORT_KEYS)


def read_values(column: pa.ChunkedArray) -> list[object]:
    """Return a column's values; of times, those beyond the years that Python knows (1 to 9999) come as text.

    Example:
        >>> read_values(pa.chunked_array([pa.array([6_585_322, 2**31 - 1], pa.date32())]))
        ['20000-01-01', 'infinity']
    """
    try:
        values: list[object] = column.to_pylist()
    except (OverflowError, ValueError):
        values = [_read_time(value) for value in column]
    return values


def _read_time(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        size = 31 if pa.types.is_date32(value.type) else 63
        if abs(value.value) == 2**size - 1:  # how engines write infinity into Arrow
            return "infinity" if value.value > 0 else "-infinity"
        return str(value.cast(pa.string()))


def _from_decimal(value: Decimal) -> Json:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) <= MAX_SAFE_INTEGER:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else format(value, "f")
