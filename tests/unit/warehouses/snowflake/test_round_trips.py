"""Values, catalog and our own tables on the emulator: the real driver, DuckDB behind Snowflake's protocol."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from core.errors import InvalidField
from core.warehouses.definition import Kind, read_columns
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.unit.warehouses.snowflake.conftest import MakeWarehouse


def read_one(warehouse: SnowflakeWarehouse, sql: str) -> tuple[list[object], list[Kind]]:
    table = warehouse.query(sql)
    return [column[0].as_py() for column in table.columns], [column.kind for column in read_columns(table.schema)]


def test_numbers_of_every_size_arrive_exactly(make_warehouse: MakeWarehouse) -> None:
    values, kinds = read_one(
        make_warehouse(),
        "SELECT 9223372036854775807::NUMBER(38,0) AS a, 1234567890123456.78901234::NUMBER(38,12) AS b, "
        "-0.000000000001::NUMBER(38,12) AS c, 7::NUMBER(4,0) AS d, 0.1::FLOAT AS e, 'NaN'::FLOAT AS f, "
        "'-inf'::FLOAT AS g",
    )
    assert values[:5] == [2**63 - 1, Decimal("1234567890123456.789012340000"), Decimal("-1e-12"), 7, 0.1]
    assert math.isnan(values[5]) and values[6] == -math.inf  # type: ignore[arg-type]
    assert kinds == [Kind.INTEGER, Kind.DECIMAL, Kind.DECIMAL, Kind.INTEGER, *3 * [Kind.FLOAT]]


def test_times_of_every_kind_arrive_with_their_instant(make_warehouse: MakeWarehouse) -> None:
    values, kinds = read_one(
        make_warehouse(),
        "SELECT '1969-12-31 23:59:59.999999'::TIMESTAMP_NTZ AS a, '2024-03-31 02:30:00 +0200'::TIMESTAMP_TZ AS b, "
        "'2024-03-31 00:30:00'::TIMESTAMP_LTZ AS c, '0001-01-01'::DATE AS d, '1969-07-20'::DATE AS e, "
        "'23:59:59.123456'::TIME AS f, '9999-12-31 23:59:59'::TIMESTAMP_NTZ AS g",
    )
    at = datetime(2024, 3, 31, 0, 30, tzinfo=UTC)
    naive = datetime(1969, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - a time without a zone
    assert values[:5] == [naive, at, at, date(1, 1, 1), date(1969, 7, 20)]
    assert values[5] == "23:59:59.123456"
    assert values[6] == datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001
    assert kinds[:4] == [Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIMESTAMPTZ, Kind.DATE]


def test_what_a_time_without_zone_means_goes_with_its_column(make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse(time_zone="Europe/Berlin")
    sql = "SELECT '2024-01-01'::TIMESTAMP_NTZ AS a, 1 AS b"
    assert [column.zone for column in warehouse.describe(sql)] == ["Europe/Berlin", "UTC"]
    assert read_columns(warehouse.query(sql).schema) == warehouse.describe(sql)
    with pytest.raises(InvalidField, match="no time zone"):
        make_warehouse(time_zone="Berlin")


def test_json_bytes_and_texts_arrive_unharmed_and_null_is_not_empty(make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse(
        "CREATE TABLE t (v VARIANT, o OBJECT, a ARRAY, b BINARY, s VARCHAR, e VARCHAR, n VARCHAR)",
        """INSERT INTO t SELECT PARSE_JSON('{"k": [1, null, "é"]}'), PARSE_JSON('{"x": 1}'), PARSE_JSON('[1, 2]'),
        TO_BINARY('00FF', 'HEX'), '日本 "q" \\\\ ''x''', '', NULL""",
    )
    values, kinds = read_one(warehouse, "SELECT * FROM t")
    assert [str(value).replace(" ", "") for value in values[:3]] == ['{"k":[1,null,"é"]}', '{"x":1}', "[1,2]"]
    assert values[3:] == [b"\x00\xff", "日本 \"q\" \\ 'x'", "", None]
    assert kinds == [Kind.JSON, Kind.JSON, Kind.JSON, Kind.BYTES, *3 * [Kind.TEXT]]


def test_names_keep_the_case_that_snowflake_gives_them(make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse('CREATE TABLE "Mixed" (plain NUMBER, "Quoted Name" NUMBER)')
    assert warehouse.query('SELECT * FROM "Mixed"').column_names == ["PLAIN", "Quoted Name"]
    (table,) = warehouse.list_tables("PUBLIC")
    assert (table.name, [column.name for column in table.columns]) == ("Mixed", ["PLAIN", "Quoted Name"])
    assert [column.type for column in table.columns] == ["NUMBER(38,0)", "NUMBER(38,0)"]


def test_our_own_schema_does_not_become_the_one_of_names_without_a_schema(make_warehouse: MakeWarehouse) -> None:
    """Snowflake makes a schema the current one when it is created."""
    warehouse = make_warehouse("CREATE TABLE here (a NUMBER)")
    assert warehouse.test_connection().can_write
    assert warehouse.count("SELECT * FROM here") == 0


def test_rows_of_ours_are_loaded_in_several_statements_and_none_is_lost(make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse("CREATE SCHEMA __onramp", "CREATE TABLE __onramp.t (record_id VARCHAR, print VARCHAR)")
    keys = [f"key {number}" for number in range(5_000)]
    batch = pa.RecordBatch.from_pydict({"record_id": keys, "print": ["x" * 1_000] * len(keys)})
    with warehouse.open_state_session() as session:
        assert session.load("__onramp.t", [batch]) == 5_000
    assert warehouse.count("SELECT DISTINCT record_id FROM __onramp.t") == 5_000
