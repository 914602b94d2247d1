"""The SQL of a mapping against the rules of `core.records`: what is sent is the canonical JSON of the value, always."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.mappings.compile import compile_mapping
from core.mappings.engine import open_engine
from core.mappings.mapping import ColumnRef, Constant, ConstantValue, FieldMapping, MappingEntry
from core.records import canonical_json, to_json_value
from core.warehouses.definition import ColumnType, Kind, read_columns, tag_schema

DECIMALS = {pa.decimal128(10, 2): 10, pa.decimal128(38, 10): 38, pa.decimal128(38, 22): 38, pa.decimal128(38, 37): 38}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 - a TIMESTAMP names no zone
zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@st.composite
def decimals(draw: st.DrawFn) -> tuple[pa.DataType, list[Decimal | None]]:
    kind = draw(st.sampled_from(sorted(DECIMALS, key=str)))
    digits = draw(st.integers(1, kind.precision))
    number = st.integers(-(10**digits) + 1, 10**digits - 1).map(lambda n: Decimal(n).scaleb(-kind.scale, _WIDE))
    short = st.integers(-99_999, 99_999).map(lambda n: Decimal(n).scaleb(-min(3, kind.scale), _WIDE))
    fits = [value for value in draw(st.lists(st.none() | number | short, max_size=6)) if _fits(value, kind)]
    return kind, fits


def _fits(value: Decimal | None, kind: pa.DataType) -> bool:
    return value is None or abs(value) < Decimal(10) ** (kind.precision - kind.scale)


_WIDE = __import__("decimal").Context(prec=60)


def column(type_: pa.DataType, values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[pa.DataType, list[object]]]:
    return st.tuples(st.just(type_), st.lists(st.none() | values, max_size=6))


COLUMNS: dict[Kind, st.SearchStrategy[tuple[pa.DataType, list[object]]]] = {
    Kind.TEXT: column(pa.string(), texts),
    Kind.INTEGER: column(pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 2))
    | column(pa.uint64(), st.integers(0, 2**64 - 1))
    | column(pa.int8(), st.integers(-128, 127)),
    Kind.DECIMAL: decimals(),
    Kind.FLOAT: column(pa.float64(), st.floats()) | column(pa.float32(), st.floats(width=32)),
    Kind.BOOLEAN: column(pa.bool_(), st.booleans()),
    Kind.DATE: column(pa.date32(), st.dates()),
    Kind.TIMESTAMP: column(pa.timestamp("us"), times),
    Kind.TIMESTAMPTZ: column(pa.timestamp("us", tz="UTC"), times.flatmap(lambda at: zones.map(lambda zone: at.replace(tzinfo=zone)))),
    Kind.JSON: column(pa.string(), json_values.map(json.dumps) | texts),
    Kind.BYTES: column(pa.binary(), st.binary(max_size=12)),
    Kind.OTHER: column(pa.string(), texts),
}


def map_values(type_: pa.DataType, values: Sequence[object], kind: Kind) -> list[dict[str, object]]:
    """Return the payloads of one row a value, each value as the trait `v`."""
    keys = pa.array([f"k{number}" for number in range(len(values))], pa.string())
    found = pa.table({"id": keys, "v": pa.array(values, type_)})
    columns = (ColumnType("id", "VARCHAR", Kind.TEXT), ColumnType("v", "", kind))
    rows = found.cast(tag_schema(found.schema, columns))
    return [orjson.loads(payload) for _, payload, code, _ in map_rows(rows, MAPPING) if code is None]


def map_rows(rows: pa.Table, mapping: FieldMapping) -> list[tuple[str, str, str | None, str | None]]:
    compiled = compile_mapping(mapping, SEND_IDENTIFY.fields, read_columns(rows.schema), "id")
    with open_engine() as engine:
        engine.register("model_rows", rows)
        return engine.execute(compiled.select("model_rows") + " ORDER BY key").fetchall()


MAPPING = FieldMapping(
    (
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("traits", "v", ColumnRef("v")),
        MappingEntry("engage_space", None, Constant("space")),
    )
)


def expected(value: object, kind: Kind) -> object:
    if kind is Kind.JSON and isinstance(value, str):
        try:
            # Strict JSON becomes a document, in which NaN is no JSON; any other text stays a text.
            return to_json_value(json.loads(value))
        except ValueError:
            return value
    return to_json_value(value)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_trait_is_the_canonical_json_of_its_value(kind: Kind) -> None:
    @settings(max_examples=50, deadline=None)
    @given(COLUMNS[kind])
    def check(drawn: tuple[pa.DataType, list[object]]) -> None:
        type_, values = drawn
        arrow = pa.array(values, type_).to_pylist()  # a float32 as the float64 that it travels as
        found = map_values(type_, values, kind)
        wanted = [
            {"engage_space": "space", "traits": {"v": expected(value, kind)}, "user_id": f"k{number}"}
            for number, value in enumerate(arrow)
        ]
        assert [canonical_json(payload) for payload in found] == [canonical_json(payload) for payload in wanted]

    check()
