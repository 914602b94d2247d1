"""Every type of BigQuery: its kind, its text, and its values, in the form in which the REST API sends them."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.errors import QueryError
from core.storage.home import Home
from core.warehouses.definition import Kind, read_columns
from tests.emulators.bigquery.wire import Wire, open_wire

BIG = "578960446186580977117854925043439539266.34992332820282019728792003956564819967"


def column(type_: str, **more: Any) -> dict[str, Any]:
    return {"name": "v", "type": type_, "mode": "NULLABLE"} | more


PERSON = column(
    "RECORD",
    fields=[
        {"name": "id", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "share", "type": "FLOAT", "mode": "NULLABLE"},
        {"name": "paid", "type": "NUMERIC", "mode": "NULLABLE"},
        {"name": "at", "type": "TIMESTAMP", "mode": "NULLABLE"},
        {"name": "more", "type": "JSON", "mode": "NULLABLE"},
        {"name": "tags", "type": "STRING", "mode": "REPEATED"},
        {"name": "inner", "type": "RECORD", "mode": "NULLABLE", "fields": [{"name": "ok", "type": "BOOLEAN"}]},
    ],
)


def cells(*values: object) -> dict[str, Any]:
    return {"f": [{"v": value} for value in values]}


@pytest.mark.parametrize(
    ("field", "sent", "text", "kind", "value"),
    [
        (column("INTEGER"), str(-(2**63)), "INT64", Kind.INTEGER, -(2**63)),
        (column("INT64"), str(2**63 - 1), "INT64", Kind.INTEGER, 2**63 - 1),
        (column("NUMERIC"), "9" * 29 + ".999999999", "NUMERIC", Kind.DECIMAL, Decimal("9" * 29 + ".999999999")),
        (
            column("NUMERIC", precision="10", scale="2"),
            *("12.5", "NUMERIC(10, 2)", Kind.DECIMAL, Decimal("12.500000000")),
        ),
        (column("BIGNUMERIC"), BIG, "BIGNUMERIC", Kind.DECIMAL, BIG),
        (column("FLOAT"), "-Infinity", "FLOAT64", Kind.FLOAT, -math.inf),
        (column("FLOAT"), "1.0E-10", "FLOAT64", Kind.FLOAT, 1e-10),
        (column("BOOLEAN"), "false", "BOOL", Kind.BOOLEAN, False),
        (column("DATE"), "0001-01-01", "DATE", Kind.DATE, date(1, 1, 1)),
        (
            column("DATETIME"),
            *("1969-12-31T23:59:59.999999", "DATETIME", Kind.TIMESTAMP),
            datetime(1969, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - a time without a zone
        ),
        (column("TIMESTAMP"), "-1", "TIMESTAMP", Kind.TIMESTAMPTZ, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
        (column("TIME"), "10:00:00.500000", "TIME", Kind.OTHER, "10:00:00.500000"),
        (column("STRING", maxLength="10"), "", "STRING(10)", Kind.TEXT, ""),
        (column("BYTES"), "AP8=", "BYTES", Kind.BYTES, b"\x00\xff"),
        (column("JSON"), '{"a": [1, null]}', "JSON", Kind.JSON, '{"a": [1, null]}'),
        (column("GEOGRAPHY"), "POINT(1 2)", "GEOGRAPHY", Kind.OTHER, "POINT(1 2)"),
        (column("INTERVAL"), "1-2 3 4:5:6.7", "INTERVAL", Kind.OTHER, "1-2 3 4:5:6.7"),
        (
            column("RANGE", rangeElementType={"type": "DATE"}),
            *("[2020-01-01, UNBOUNDED)", "RANGE<DATE>", Kind.OTHER, "[2020-01-01, UNBOUNDED)"),
        ),
        (
            column("INTEGER", mode="REPEATED"),
            *([{"v": "1"}, {"v": str(2**53 + 1)}], "ARRAY<INT64>", Kind.JSON, f'[1,"{2**53 + 1}"]'),
        ),
        (
            PERSON,
            cells("1", "NaN", "0.1", "0", '{"b": 1, "a": 2}', [{"v": "x"}], cells("true")),
            "STRUCT<id INT64, share FLOAT64, paid NUMERIC, at TIMESTAMP, more JSON, tags ARRAY<STRING>, "
            "inner STRUCT<ok BOOL>>",
            Kind.JSON,
            '{"id":1,"share":null,"paid":0.1,"at":"1970-01-01T00:00:00Z","more":{"b":1,"a":2},"tags":["x"],'
            '"inner":{"ok":true}}',
        ),
        (
            PERSON | {"mode": "REPEATED"},
            [{"v": cells(None, None, None, None, None, [], None)}],
            "ARRAY<STRUCT<id INT64, share FLOAT64, paid NUMERIC, at TIMESTAMP, more JSON, tags ARRAY<STRING>, "
            "inner STRUCT<ok BOOL>>>",
            Kind.JSON,
            '[{"id":null,"share":null,"paid":null,"at":null,"more":null,"tags":[],"inner":null}]',
        ),
    ],
)
def test_every_type_has_a_kind_and_a_value_that_travels(
    home: Home, field: dict[str, Any], sent: object, text: str, kind: Kind, value: object
) -> None:
    with open_wire(Wire(fields=[field], pages=[[(sent,), (None,)]]), home, time_zone="Europe/Berlin") as (warehouse, _):
        table = warehouse.query("SELECT v FROM t")
        (found,) = read_columns(table.schema)
        assert warehouse.describe("SELECT v FROM t") == (found,)
    assert (found.type, found.kind) == (text, kind)
    assert found.zone == ("Europe/Berlin" if text == "DATETIME" else "UTC")
    assert table["v"].to_pylist() == [value, None]


def test_not_a_number_stays_one(home: Home) -> None:
    with open_wire(Wire(fields=[column("FLOAT")], pages=[[("NaN",)]]), home) as (warehouse, _):
        assert math.isnan(warehouse.query("SELECT v FROM t")["v"][0].as_py())


def test_names_keep_their_case_and_a_result_without_rows_its_columns(home: Home) -> None:
    fields = [column("STRING") | {"name": name} for name in ("Id", "select", "Größe", "a-b")]
    with open_wire(Wire(fields=fields, pages=[[]]), home) as (warehouse, _):
        table = warehouse.query("SELECT * FROM t")
    assert (table.column_names, table.num_rows) == (["Id", "select", "Größe", "a-b"], 0)


def test_a_value_that_is_not_of_its_type_is_named_by_its_column(home: Home) -> None:
    with (
        open_wire(Wire(fields=[column("INTEGER")], pages=[[("1.5",)]]), home) as (warehouse, _),
        pytest.raises(QueryError, match="'v' is no INT64") as caught,
    ):
        warehouse.query("SELECT v FROM t")
    assert caught.value.hint and json.dumps(caught.value.to_dict())
