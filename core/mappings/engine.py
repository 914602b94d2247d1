"""The DuckDB that mappings run in: in UTC, with the function that makes JSON documents canonical."""

from __future__ import annotations

import json
import re

import duckdb
import orjson
import pyarrow as pa
from duckdb.func import PythonUDFType

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


def _make_canonical(texts: pa.Array) -> pa.Array:
    return pa.array([None if text is None else to_canonical(text) for text in texts.to_pylist()], pa.string())


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_DEPTH


def _is_deeper(document: Json, levels: int) -> bool:
    if not isinstance(document, dict | list):
        return False
    items = document.values() if isinstance(document, dict) else document
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)
