"""The SQL of a mapping against the rules of `core.records`: what is sent is the canonical JSON of the value, always."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation
from core.destinations.identify import make_identify
from core.destinations.segment_profiles import SEND_IDENTIFY
from core.mappings.compile import compile_mapping
from core.mappings.engine import open_engine
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.records import Json, canonical_json, to_json_value
from core.warehouses.definition import ColumnType, Kind, read_columns, tag_schema
from tests.sizes import examples

Column = tuple[pa.DataType, list[object]]
DECIMALS = [pa.decimal128(*size) for size in ((10, 2), (18, 6), (38, 10), (38, 22), (38, 37))]
_WIDE = Context(prec=60)
CONTEXT = DeliveryContext("src_a", "syn_a", "run_a", "mod_a", "send_identify")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 - a TIMESTAMP names no zone
zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@st.composite
def decimals(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(DECIMALS))
    largest = 10**kind.precision - 1
    units = st.integers(-largest, largest) | st.integers(-99_999, 99_999)
    whole_or_short = st.integers(-99_999, 99_999).map(lambda n: n * 10 ** max(0, kind.scale - 3))
    values = (units | whole_or_short.filter(lambda n: abs(n) <= largest)).map(
        lambda n: Decimal(n).scaleb(-kind.scale, _WIDE)
    )
    return kind, draw(st.lists(st.none() | values, max_size=6))


def as_text(column: Column) -> Column:
    """Return decimals as an engine without a limit of digits gives them."""
    _type, values = column
    return pa.string(), [None if value is None else format(value, "f") for value in values]


long_decimals = st.sampled_from(["NaN", "Infinity", "-Infinity", "0", "0.00", "-0.5"]) | st.from_regex(
    r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?", fullmatch=True
)


def column(
    type_: pa.DataType, values: st.SearchStrategy[object]
) -> st.SearchStrategy[tuple[pa.DataType, list[object]]]:
    return st.tuples(st.just(type_), st.lists(st.none() | values, max_size=6))


COLUMNS: dict[Kind, st.SearchStrategy[Column]] = {
    Kind.TEXT: column(pa.string(), texts),
    Kind.INTEGER: column(pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 2))
    | column(pa.uint64(), st.integers(0, 2**64 - 1))
    | column(pa.int8(), st.integers(-128, 127)),
    Kind.DECIMAL: decimals() | decimals().map(as_text) | column(pa.string(), long_decimals),
    Kind.FLOAT: column(pa.float64(), st.floats()) | column(pa.float32(), st.floats(width=32)),
    Kind.BOOLEAN: column(pa.bool_(), st.booleans()),
    Kind.DATE: column(pa.date32(), st.dates()),
    Kind.TIMESTAMP: column(pa.timestamp("us"), times),
    Kind.TIMESTAMPTZ: column(
        pa.timestamp("us", tz="UTC"), st.tuples(times, zones).map(lambda pair: pair[0].replace(tzinfo=pair[1]))
    ),
    Kind.JSON: column(pa.string(), json_values.map(json.dumps) | texts),
    Kind.BYTES: column(pa.binary(), st.binary(max_size=12)),
    Kind.OTHER: column(pa.string(), texts),
}
MAPPING = FieldMapping(
    (
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("traits", "v", ColumnRef("v")),
        MappingEntry("engage_space", None, Constant("space")),
    )
)


def make_rows(type_: pa.DataType, values: Sequence[object], kind: Kind) -> pa.Table:
    """Return rows as a warehouse gives them: an id, and the values in the column `v`."""
    keys = pa.array([f"k{number:03}" for number in range(len(values))], pa.string())
    found = pa.table({"id": keys, "v": pa.array(values, type_)})
    columns = (ColumnType("id", "VARCHAR", Kind.TEXT), ColumnType("v", "", kind))
    return found.cast(tag_schema(found.schema, columns))


def map_rows(rows: pa.Table, mapping: FieldMapping = MAPPING) -> list[tuple[str, str, str | None, str | None]]:
    compiled = compile_mapping(mapping, SEND_IDENTIFY.fields, read_columns(rows.schema), "id")
    engine = _open_once()
    engine.register("model_rows", rows)
    return engine.execute(compiled.select("model_rows") + " ORDER BY key").fetchall()


@functools.cache
def _open_once() -> duckdb.DuckDBPyConnection:
    """Return the engine of all examples: to open one takes longer than they do."""
    return open_engine()


def read_traits(type_: pa.DataType, values: Sequence[object], kind: Kind) -> list[object]:
    """Return what becomes of each value as a trait, read back from the payload."""
    return [orjson.loads(row[1])["traits"]["v"] for row in map_rows(make_rows(type_, values, kind))]


def expected(value: object, kind: Kind) -> Json:
    if kind is Kind.JSON and isinstance(value, str):
        try:
            return to_json_value(json.loads(value))  # NaN and infinities, which it reads, are null by our rules
        except ValueError:
            return value  # a text that is no JSON stays a text
    if kind is Kind.DECIMAL and isinstance(value, str):
        return to_json_value(Decimal(value))
    return to_json_value(value)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_trait_is_the_canonical_json_of_its_value(kind: Kind) -> None:
    @settings(max_examples=examples(25), deadline=None)
    @given(COLUMNS[kind])
    def check(drawn: Column) -> None:
        type_, values = drawn
        as_sent = pa.array(values, type_).to_pylist()  # a 32-bit number as the double that it is
        found = read_traits(type_, values, kind)
        wanted = [expected(value, kind) for value in as_sent]
        assert [canonical_json(value) for value in found] == [canonical_json(value) for value in wanted]

    check()


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.JSON, Kind.TIMESTAMPTZ])
def test_payloads_are_equal_bytes_exactly_where_values_are_equal(kind: Kind) -> None:
    """The checksum is taken over the payload, so this is what decides whether a row counts as changed."""

    @settings(max_examples=examples(25), deadline=None)
    @given(COLUMNS[kind])
    def check(drawn: Column) -> None:
        type_, values = drawn
        payloads = [payload.replace(key, "") for key, payload, _, _ in map_rows(make_rows(type_, values, kind))]
        canonical = [canonical_json(expected(value, kind)) for value in pa.array(values, type_).to_pylist()]
        for (one, its), (other, others) in itertools.combinations(zip(payloads, canonical, strict=True), 2):
            assert (one == other) == (its == others)

    check()


@settings(max_examples=examples(30), deadline=None)
@given(st.permutations(MAPPING.entries), st.booleans())
def test_neither_the_order_of_entries_nor_that_of_columns_changes_a_payload(
    entries: list[MappingEntry], is_turned: bool
) -> None:
    rows = make_rows(pa.string(), ["a", "", None], Kind.TEXT)
    turned = rows.select(["v", "id"]) if is_turned else rows
    assert map_rows(turned, FieldMapping(tuple(entries))) == map_rows(rows)


def test_null_is_not_the_empty_text() -> None:
    assert read_traits(pa.string(), [None, "", " "], Kind.TEXT) == [None, "", " "]


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.none() | texts | times.map(str) | st.sampled_from(["2024-02-30", "infinity", "now", "1e9"])))
def test_a_text_becomes_a_time_or_its_row_is_rejected(values: list[str | None]) -> None:
    mapping = MAPPING.without("traits", "v").put(MappingEntry("timestamp", None, ColumnRef("v")))
    for value, (_, payload, code, field) in zip(
        values, map_rows(make_rows(pa.string(), values, Kind.TEXT), mapping), strict=True
    ):
        at = orjson.loads(payload)["timestamp"]
        if code is None:
            assert (at is None) == (not (value or "").strip(" "))
            assert at is None or at.endswith("Z")
        else:
            assert (code, field, at) == ("type_mismatch", "timestamp", None)


ODD = {
    "a NaN inside a document is null": ('{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
    "a number beyond a double is null": ("[1e999]", [None]),
    "a large integer inside a document is text": ('{"id": 12345678901234567890}', {"id": "12345678901234567890"}),
    "a document that is none by a comma is text": ("[1,2,]", "[1,2,]"),
    "half a surrogate pair leaves the document text": ('"\\ud800"', '"\\ud800"'),
    "a document too deep for every reader is text": ("[" * 300 + "]" * 300, "[" * 300 + "]" * 300),
    "a document of many levels goes through": ("[" * 100 + "]" * 100, orjson.loads("[" * 100 + "]" * 100)),
    "a document far too deep is text": ("[" * 60_000, "[" * 60_000),
}


@pytest.mark.parametrize(("value", "wanted"), ODD.values(), ids=ODD)
def test_an_odd_document_stops_no_run(value: str, wanted: object) -> None:
    rows = make_rows(pa.string(), [value], Kind.JSON)
    ((key, payload, code, _),) = map_rows(rows)
    assert code is None
    record = DeliveryRecord(key, Operation.ADDED, 1, "msg_1", payload.encode())
    message = make_identify(record, CONTEXT, datetime(2026, 11, 24, tzinfo=UTC))
    assert orjson.loads(orjson.dumps(message))["traits"]["v"] == wanted


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31) + 1])
def test_an_infinite_date_is_null_like_an_infinite_number(value: int) -> None:
    assert read_traits(pa.date32(), [value], Kind.DATE) == [None]


@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("value", [2**63 - 1, -(2**63) + 1])
def test_an_infinite_time_is_null_too_and_as_the_timestamp_absent(value: int, zone: str | None) -> None:
    kind = Kind.TIMESTAMPTZ if zone else Kind.TIMESTAMP
    type_ = pa.timestamp("us", tz=zone)
    assert read_traits(type_, [value], kind) == [None]
    mapping = MAPPING.put(MappingEntry("timestamp", None, ColumnRef("v")))
    ((_, payload, code, _),) = map_rows(make_rows(type_, [value], kind), mapping)
    assert (code, orjson.loads(payload)["timestamp"]) == (None, None)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@settings(max_examples=examples(25), deadline=None)
@given(names.filter(lambda name: name.casefold() != "id"), names, texts)
def test_any_column_name_and_any_trait_name_is_only_a_name(column_name: str, trait: str, value: str) -> None:
    rows = make_rows(pa.string(), [value], Kind.TEXT).rename_columns(["id", column_name])
    mapping = FieldMapping(
        (
            MappingEntry("user_id", None, ColumnRef("id")),
            MappingEntry("engage_space", None, Constant("'); DROP TABLE x")),
            MappingEntry("traits", trait, ColumnRef(column_name)),
        )
    )
    ((_, payload, _, _),) = map_rows(rows, mapping)
    assert orjson.loads(payload) == {
        "user_id": "k000",
        "engage_space": "'); DROP TABLE x",
        "traits": {trait: value},
    }
