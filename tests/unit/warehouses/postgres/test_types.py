"""Every type of Postgres: its kind, and its values as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

from core.records import read_values
from core.warehouses.definition import Kind
from core.warehouses.postgres.warehouse import PostgresWarehouse
from tests.unit.warehouses.postgres.conftest import Connect
from tests.unit.warehouses.servers import require_value

CASES = [
    ("smallint '-32768'", Kind.INTEGER, -32768),
    ("bigint '9223372036854775807'", Kind.INTEGER, 2**63 - 1),
    ("'pg_class'::regclass::oid > 0", Kind.BOOLEAN, True),
    ("4294967295::oid", Kind.INTEGER, 4294967295),
    ("0.1::real", Kind.FLOAT, 0.1),
    ("5e-324::double precision", Kind.FLOAT, 5e-324),
    ("1234567890.123456789::double precision", Kind.FLOAT, 1234567890.1234567),
    ("'Infinity'::double precision", Kind.FLOAT, float("inf")),
    ("12.50::numeric(18, 2)", Kind.DECIMAL, Decimal("12.50")),
    (f"{'9' * 38}::numeric(38, 0)", Kind.DECIMAL, Decimal("9" * 38)),
    ("'NaN'::numeric(10, 2)", Kind.DECIMAL, None),
    (f"{'9' * 60}.{'1' * 60}::numeric", Kind.DECIMAL, f"{'9' * 60}.{'1' * 60}"),
    (f"{'9' * 40}::numeric(50, 0)", Kind.DECIMAL, "9" * 40),
    ("'NaN'::numeric", Kind.DECIMAL, "NaN"),
    ("1e-20::numeric", Kind.DECIMAL, "0.00000000000000000001"),
    ("'t'::boolean", Kind.BOOLEAN, True),
    ("''::text", Kind.TEXT, ""),
    ("NULL::text", Kind.TEXT, None),
    ("'NULL'::text", Kind.TEXT, "NULL"),
    ("'\\N'::text", Kind.TEXT, "\\N"),
    ("'\\.'::text", Kind.TEXT, "\\."),
    ("E'a,\"b\"\\r\\n\\tc\\\\'", Kind.TEXT, 'a,"b"\r\n\tc\\'),
    ("'ab'::char(4)", Kind.TEXT, "ab  "),
    ("'x'::\"char\"", Kind.TEXT, "x"),
    ("'mood'::name", Kind.TEXT, "mood"),
    ("'happy'::mood", Kind.TEXT, "happy"),
    ("'12345678-1234-5678-1234-567812345678'::uuid", Kind.TEXT, "12345678-1234-5678-1234-567812345678"),
    ("'a@example.com'::email", Kind.TEXT, "a@example.com"),
    ("7::positive", Kind.INTEGER, 7),
    ("date '1931-07-04'", Kind.DATE, date(1931, 7, 4)),
    ("date '0044-03-15 BC'", Kind.DATE, "-0043-03-15"),
    ("date '12024-02-29'", Kind.DATE, "12024-02-29"),
    ("date 'infinity'", Kind.DATE, "infinity"),
    ("timestamp '1969-12-31 23:59:59.999999'", Kind.TIMESTAMP, datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    ("timestamp '-infinity'", Kind.TIMESTAMP, "-infinity"),
    ("timestamptz '2024-03-31 02:30:00+02'", Kind.TIMESTAMPTZ, datetime(2024, 3, 31, 0, 30, tzinfo=UTC)),
    ("timestamptz '0044-03-15 12:00:00.5+00 BC'", Kind.TIMESTAMPTZ, "-0043-03-15 12:00:00.500000Z"),
    ("time '12:30'", Kind.OTHER, "12:30:00"),
    ("interval '1 year 2 months 3 days 04:05:06.7'", Kind.OTHER, "P1Y2M3DT4H5M6.7S"),
    ('\'{"b": 1, "a": null}\'::json', Kind.JSON, '{"b": 1, "a": null}'),
    ("'{\"a\": 9007199254740993.10}'::jsonb", Kind.JSON, '{"a": 9007199254740993.10}'),
    ("ARRAY[[1, NULL], [3, 4]]", Kind.JSON, "[[1,null],[3,4]]"),
    ("ARRAY['a\"b', NULL, '']", Kind.JSON, '["a\\"b",null,""]'),
    ("ROW(1, 'x')::address", Kind.JSON, '{"number":1,"street":"x"}'),
    ("ROW(1, NULL)", Kind.JSON, '{"f1":1,"f2":null}'),
    ("int4range(1, 5)", Kind.OTHER, "[1,5)"),
    ("'\\x00ff'::bytea", Kind.BYTES, b"\x00\xff"),
    ("''::bytea", Kind.BYTES, b""),
    ("'192.168.0.1/24'::inet", Kind.OTHER, "192.168.0.1/24"),
    ("B'101'", Kind.OTHER, "101"),
]


@pytest.fixture(scope="module", autouse=True)
def _types(admin: psycopg.Connection) -> None:
    admin.execute(
        "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE address AS (number int, street text); "
        "CREATE DOMAIN email AS text CHECK (value LIKE '%@%'); CREATE DOMAIN positive AS bigint CHECK (value > 0)"
    )


@pytest.fixture
def warehouse(connect: Connect) -> PostgresWarehouse:
    return connect()


@pytest.mark.parametrize(("expression", "kind", "value"), CASES)
def test_a_value_arrives_as_it_is_beside_a_null(
    warehouse: PostgresWarehouse, expression: str, kind: Kind, value: object
) -> None:
    require_value(warehouse, expression, kind, value)


def test_a_time_beyond_arrows_reader_leaves_the_other_columns_of_its_batch_as_they_are(
    warehouse: PostgresWarehouse,
) -> None:
    columns = "i, i::text AS t, i % 2 = 0 AS b, i::numeric(9, 1) AS d, i::float8 AS f, '\\xff'::bytea AS x"
    rows = f"SELECT {columns}, CASE WHEN i = 3 THEN date 'infinity' ELSE date '2024-01-01' + i END AS day"
    with_it = warehouse.query(f"{rows} FROM generate_series(1, 5) AS s(i)")
    without = warehouse.query(f"{rows} FROM generate_series(1, 5) AS s(i) WHERE i <> 3")
    assert with_it.schema == without.schema
    others = with_it.drop_columns("day").filter(pa.array([True, True, False, True, True]))
    assert others == without.drop_columns("day")
    assert read_values(with_it["day"])[2] == "infinity"


def test_a_column_of_nulls_alone_keeps_its_rows(warehouse: PostgresWarehouse) -> None:
    assert warehouse.query("SELECT NULL::text AS v FROM generate_series(1, 3)")["v"].to_pylist() == [None] * 3
    assert warehouse.query("SELECT NULL::int AS v FROM generate_series(1, 3)")["v"].to_pylist() == [None] * 3


def test_a_time_without_a_zone_carries_the_zone_of_the_warehouse(connect: Connect) -> None:
    columns = connect(time_zone="Europe/Berlin").describe("SELECT timestamp '2024-01-01' AS a, now() AS b")
    assert [column.zone for column in columns] == ["Europe/Berlin", "UTC"]


def test_names_of_any_case_and_sign_come_back(warehouse: PostgresWarehouse, admin: psycopg.Connection) -> None:
    admin.execute('CREATE TABLE "Mixed Case" ("Ünï""code" int, plain int); GRANT SELECT ON "Mixed Case" TO analyst')
    assert warehouse.query('SELECT * FROM "Mixed Case"').column_names == ['Ünï"code', "plain"]
    table = next(table for table in warehouse.list_tables("public") if table.name == "Mixed Case")
    assert [column.name for column in table.columns] == ['Ünï"code', "plain"]
