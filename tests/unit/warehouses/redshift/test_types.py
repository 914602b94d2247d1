"""Every type of Redshift that a Postgres can stand in for: its kind, and its values as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

from core.warehouses.definition import ColumnType, Kind, read_columns
from core.warehouses.redshift.types import kind_of_name, make_array, plan_column
from core.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.unit.warehouses.redshift.conftest import USER, Connect
from tests.unit.warehouses.servers import require_value

CASES = [
    ("smallint '-32768'", Kind.INTEGER, -32768),
    ("1::integer", Kind.INTEGER, 1),
    ("bigint '9223372036854775807'", Kind.INTEGER, 2**63 - 1),
    ("4294967295::oid", Kind.INTEGER, 4294967295),
    ("0.1::real", Kind.FLOAT, 0.1),
    ("'-Infinity'::real", Kind.FLOAT, float("-inf")),
    ("16777217::real", Kind.FLOAT, 16777216.0),
    ("5e-324::double precision", Kind.FLOAT, 5e-324),
    ("1234567890.123456789::double precision", Kind.FLOAT, 1234567890.1234567),
    ("'Infinity'::double precision", Kind.FLOAT, float("inf")),
    ("12.50::numeric(18, 2)", Kind.DECIMAL, Decimal("12.50")),
    ("'-0.0000000001'::numeric(38, 10)", Kind.DECIMAL, Decimal("-0.0000000001")),
    (f"{'9' * 38}::numeric(38, 0)", Kind.DECIMAL, Decimal("9" * 38)),
    (f"{'9' * 19}.{'9' * 19}::numeric(38, 19)", Kind.DECIMAL, Decimal(f"{'9' * 19}.{'9' * 19}")),
    ("9007199254740993.1::numeric(18, 1)", Kind.DECIMAL, Decimal("9007199254740993.1")),
    ("sum(12.50::numeric(18, 2))", Kind.DECIMAL, "12.50"),  # Postgres has no precision for a sum; Redshift has 38
    ("'t'::boolean", Kind.BOOLEAN, True),
    ("''::varchar(10)", Kind.TEXT, ""),
    ("NULL::varchar(10)", Kind.TEXT, None),
    ("'NULL'::varchar", Kind.TEXT, "NULL"),
    ("'100% of %s, $1 and :a'::text", Kind.TEXT, "100% of %s, $1 and :a"),
    ("'a''b\"' || chr(92) || chr(10)", Kind.TEXT, "a'b\"\\\n"),
    ("'日本 é'::varchar(20)", Kind.TEXT, "日本 é"),
    ("'ab'::char(4)", Kind.TEXT, "ab  "),
    ("date '1931-07-04'", Kind.DATE, date(1931, 7, 4)),
    ("date '0044-03-15 BC'", Kind.DATE, "-0043-03-15"),
    ("date '12024-02-29'", Kind.DATE, "12024-02-29"),
    ("timestamp '1969-12-31 23:59:59.999999'", Kind.TIMESTAMP, datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    ("timestamp '12024-02-29 00:00:00'", Kind.TIMESTAMP, "12024-02-29 00:00:00.000000"),
    ("timestamptz '2024-03-31 02:30:00+02'", Kind.TIMESTAMPTZ, datetime(2024, 3, 31, 0, 30, tzinfo=UTC)),
    ("timestamptz '0044-03-15 12:00:00.5+00 BC'", Kind.TIMESTAMPTZ, "-0043-03-15 12:00:00.500000Z"),
    ("time '24:00'", Kind.OTHER, "24:00:00"),
    ("timetz '12:30:00.5+02'", Kind.OTHER, "12:30:00.5+02"),
    ("interval '1 year 2 months'", Kind.OTHER, "1 year 2 mons"),
    ('\'{"b": 1, "a": null}\'::super', Kind.JSON, '{"a": null, "b": 1}'),
    ("'[1, \"x\", {}]'::super", Kind.JSON, '[1, "x", {}]'),
    ("'9007199254740993.10'::super", Kind.JSON, "9007199254740993.10"),
    ("decode('00ff', 'hex')::varbyte", Kind.BYTES, b"\x00\xff"),
    ("decode('', 'hex')::varbyte", Kind.BYTES, b""),
]


@pytest.fixture
def warehouse(connect: Connect) -> RedshiftWarehouse:
    return connect()


@pytest.mark.parametrize(("expression", "kind", "value"), CASES)
def test_a_value_arrives_as_it_is_beside_a_null(
    warehouse: RedshiftWarehouse, expression: str, kind: Kind, value: object
) -> None:
    require_value(warehouse, expression, kind, value)


def test_a_number_keeps_its_scale_and_its_name_of_a_type(warehouse: RedshiftWarehouse) -> None:
    table = warehouse.query("SELECT 12.50::numeric(18, 2) AS a, 'x'::varchar(7) AS b, 0.1::real AS c")
    assert table.schema.field("a").type == pa.decimal128(18, 2)
    assert [column.type for column in read_columns(table.schema)] == ["numeric(18,2)", "character varying(7)", "real"]


def test_a_type_that_only_redshift_has_is_told_and_kept_as_its_text() -> None:
    """Their numbers are those of the driver; no Postgres sends them."""
    for oid, name in ((3000, "geometry"), (2935, "hllsketch"), (1188, "interval year to month"), (99999, "type 99999")):
        transport = plan_column("v", oid, -1, "UTC")
        assert transport.column == ColumnType("v", name, Kind.OTHER)
        assert make_array(["0101", None], transport).to_pylist() == ["0101", None]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("super", Kind.JSON),
        ("binary varying", Kind.BYTES),
        ("numeric(18,2)", Kind.DECIMAL),
        ("timestamp with time zone", Kind.TIMESTAMPTZ),
        ("character varying(256)", Kind.TEXT),
        ("something new", Kind.OTHER),
    ],
)
def test_a_type_of_the_catalog_has_its_kind(text: str, kind: Kind) -> None:
    assert kind_of_name(text) is kind


def test_a_time_without_a_zone_carries_the_zone_of_the_warehouse(connect: Connect) -> None:
    columns = connect(time_zone="Europe/Berlin").describe("SELECT timestamp '2024-01-01' AS a, now() AS b")
    assert [column.zone for column in columns] == ["Europe/Berlin", "UTC"]


def test_names_of_any_case_and_sign_come_back(warehouse: RedshiftWarehouse, admin: psycopg.Connection) -> None:
    admin.execute(f'CREATE TABLE "Mixed Case" ("Ünï""code" int, plain int); GRANT SELECT ON "Mixed Case" TO {USER}')
    assert warehouse.query('SELECT * FROM "Mixed Case"').column_names == ['Ünï"code', "plain"]
    table = next(table for table in warehouse.list_tables("public") if table.name == "Mixed Case")
    assert [column.name for column in table.columns] == ['Ünï"code', "plain"]


def test_columns_of_one_name_keep_their_values_and_types(warehouse: RedshiftWarehouse) -> None:
    table = warehouse.query("SELECT 1 AS a, 'x'::text AS a, 2.5::numeric(3, 1) AS a")
    assert [column.to_pylist() for column in table.columns] == [[1], ["x"], [Decimal("2.5")]]


def test_one_connection_reads_one_result_after_another_by_its_own_columns(warehouse: RedshiftWarehouse) -> None:
    assert warehouse.query("SELECT 1 AS a, 'x'::text AS b").to_pylist() == [{"a": 1, "b": "x"}]
    assert warehouse.query("SELECT 'y'::text AS a, true AS b").to_pylist() == [{"a": "y", "b": True}]
