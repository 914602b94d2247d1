"""The DuckDB that mappings run in: in UTC, with the functions that make JSON documents and decimals canonical."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

import duckdb
import orjson
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from core.errors import CoreError
from core.records import Json, canonical_json

MAX_DEPTH = 100
"""A document nested deeper is sent as its text: every reader of a message has a limit of its own, ours is 254."""

_LONG_NUMBER = re.compile(r"\d{16}")


def open_engine() -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB for mapping work."""
    engine = duckdb.connect(":memory:", config={"threads": 2})
    prepare_engine(engine)
    return engine


def prepare_engine(engine: duckdb.DuckDBPyConnection) -> None:
    """Make a connection fit for the SQL of `compile_mapping`."""
    engine.execute("SET TimeZone = 'UTC'")
    engine.create_function("canonical_json", _make_canonical, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    engine.create_function(
        "canonical_decimal",
        _make_numbers,
        ["VARCHAR"],
        "VARCHAR",
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,  # what is not finite becomes NULL
    )


def note_failure(batches: Iterable[pa.RecordBatch], failures: list[CoreError]) -> Iterator[pa.RecordBatch]:
    """Yield `batches`, and keep in `failures` what making them raised.

    DuckDB makes an error of its own of what its input raises, with a trace in place of our sentence.
    """
    try:
        yield from batches
    except CoreError as error:
        failures.append(error)
        raise


def to_canonical(text: str) -> str:
    """Return a JSON document in its canonical text; a text that is none becomes a JSON string.

    What engines write beyond JSON (NaN, infinities) is null, and large integers are text, as everywhere.

    Example:
        >>> to_canonical('{"b": NaN, "a": 1}'), to_canonical("not {json}")
        ('{"a":1,"b":null}', '"not {json}"')
    """
    try:
        if not _LONG_NUMBER.search(text) and not _may_be_deep(text):
            return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except ValueError:
        pass
    try:
        document = json.loads(text, parse_constant=lambda _name: None)
        if not (_may_be_deep(text) and _is_deeper(document, MAX_DEPTH)):
            return canonical_json(document).decode()
    except (ValueError, RecursionError, TypeError):  # TypeError: half of a surrogate pair, which no UTF-8 can hold
        pass
    return orjson.dumps(text).decode()


def to_number(text: str) -> str | None:
    """Return a decimal of any length as canonical JSON; what is not finite is None, and what is no number its text.

    Example:
        >>> to_number("19.90"), to_number("0.1234567890123456789"), to_number("NaN")
        ('19.9', '"0.1234567890123456789"', None)
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return orjson.dumps(text).decode()
    return canonical_json(number).decode() if number.is_finite() else None


def _make_numbers(texts: pa.Array) -> pa.Array:
    return pa.array([None if text is None else to_number(text) for text in texts.to_pylist()], pa.string())


def _make_canonical(texts: pa.Array) -> pa.Array:
    return pa.array([None if text is None else to_canonical(text) for text in texts.to_pylist()], pa.string())


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_DEPTH


def _is_deeper(document: Json, levels: int) -> bool:
    if not isinstance(document, dict | list):
        return False
    items = document.values() if isinstance(document, dict) else document
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)
