"""Values of Arrow from the texts that a Postgres or Redshift server writes.

Where a text is beyond Arrow's own reader (a year before 1 or after 9999, an infinite time, a NaN among decimals), its
column is read value by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.warehouses.definition import tag_schema
from core.warehouses.wire.types import Transport

MAX_BATCH_BYTES = 16 * 1024**2
_TIME = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?)?( BC)?")
_MICROS_PER_DAY = 86_400_000_000


def make_schema(transports: Sequence[Transport]) -> pa.Schema:
    """Return the schema of the batches, with each column's type and kind."""
    columns = tuple(transport.column for transport in transports)
    fields = [pa.field(transport.column.name, transport.type) for transport in transports]
    return tag_schema(pa.schema(fields), columns)


def convert_texts(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return texts as the server writes them (in UTC, ISO dates, bytes in hexadecimal) as values of the type wanted."""
    if values.type == wanted:
        return values
    if pa.types.is_binary(wanted):
        return _each(values, lambda text: bytes.fromhex(text[2:]), wanted)
    if pa.types.is_boolean(wanted):
        return pc.equal(values, "t")
    if pa.types.is_decimal(wanted):
        return pc.if_else(pc.equal(values, "NaN"), None, values).cast(wanted)
    try:
        return values.cast(wanted)
    except pa.ArrowInvalid:
        if pa.types.is_date(wanted):
            return _each(values, _read_days, pa.int32()).cast(wanted)
        return _each(values, _read_micros, pa.int64()).cast(wanted)


def _each(values: pa.Array, read: Callable[[str], object], wanted: pa.DataType) -> pa.Array:
    return pa.array([None if text is None else read(text) for text in values.to_pylist()], wanted)


def _read_days(text: str) -> int:
    if text.endswith("infinity"):
        return 2**31 - 1 if text == "infinity" else 1 - 2**31
    return _read_micros(text) // _MICROS_PER_DAY


def _read_micros(text: str) -> int:
    if text.endswith("infinity"):
        return 2**63 - 1 if text == "infinity" else 1 - 2**63
    found = _TIME.fullmatch(text)
    if found is None:
        raise pa.ArrowInvalid("a time in a form that is not known")
    year, month, day, hour, minute, second = (int(found[number] or 0) for number in range(1, 7))
    fraction = int((found[7] or "").ljust(6, "0"))
    days = _count_days(1 - year if found[8] else year, month, day)
    return days * _MICROS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction


def _count_days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 in the Gregorian calendar reckoned backwards; the year 0 is 1 BC.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
