from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from core.errors import CoreError, NotReadOnly, PermissionMissing, SqlSyntaxError
from core.warehouses.definition import Kind, read_columns
from core.warehouses.embedded import EmbeddedWarehouse, kind_of


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedWarehouse:
    path = tmp_path_factory.mktemp("w") / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    return EmbeddedWarehouse(path)


@pytest.mark.parametrize(
    ("expression", "type_text", "kind", "value"),
    [
        ("1::TINYINT", "TINYINT", Kind.INTEGER, 1),
        ("18446744073709551615::UBIGINT", "UBIGINT", Kind.INTEGER, 18446744073709551615),
        ("170141183460469231731687303715884105727::HUGEINT", "HUGEINT", Kind.INTEGER, 2**127 - 1),
        ("340282366920938463463374607431768211455::UHUGEINT", "UHUGEINT", Kind.OTHER, str(2**128 - 1)),
        ("1.50::DECIMAL(38,10)", "DECIMAL(38,10)", Kind.DECIMAL, None),
        ("1.5::FLOAT", "FLOAT", Kind.FLOAT, 1.5),
        ("uuid '12345678-1234-1234-1234-123456789abc'", "UUID", Kind.TEXT, "12345678-1234-1234-1234-123456789abc"),
        ("'a'::ENUM('a', 'b')", "ENUM('a', 'b')", Kind.TEXT, "a"),
        ("TIME '10:00:00.5'", "TIME", Kind.OTHER, "10:00:00.5"),
        ("'10:00:00+02'::TIMETZ", "TIME WITH TIME ZONE", Kind.OTHER, "10:00:00+02"),
        ("INTERVAL '1 month 2 days'", "INTERVAL", Kind.OTHER, "1 month 2 days"),
        ("'101'::BIT", "BIT", Kind.OTHER, "101"),
        ("[1, NULL]", "INTEGER[]", Kind.JSON, "[1,null]"),
        ("[1, 2]::INTEGER[2]", "INTEGER[2]", Kind.JSON, "[1,2]"),
        ("{'a': 'ü', 'b': [DATE '2020-01-01']}", None, Kind.JSON, '{"a":"ü","b":["2020-01-01"]}'),
        ("MAP {'k': 1}", "MAP(VARCHAR, INTEGER)", Kind.JSON, '{"k":1}'),
        ("'{\"a\": 1}'::JSON", "JSON", Kind.JSON, '{"a": 1}'),
        ("'\\xAB'::BLOB", "BLOB", Kind.BYTES, b"\xab"),
        ("union_value(n := 1)", None, Kind.OTHER, "1"),
        ("99999999999999999999999999999999999999999999::BIGNUM", "BIGNUM", Kind.OTHER, "9" * 44),
        ("NULL", "VARCHAR", Kind.TEXT, None),
        ("TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", "TIMESTAMP_NS", Kind.TIMESTAMP, None),
    ],
)
def test_every_type_has_a_kind_and_a_value_that_travels(
    warehouse: EmbeddedWarehouse, expression: str, type_text: str | None, kind: Kind, value: object
) -> None:
    table = warehouse.query(f"SELECT {expression} AS v")
    (column,) = read_columns(table.schema)
    assert column.kind is kind
    assert type_text is None or column.type == type_text
    assert warehouse.describe(f"SELECT {expression} AS v") == (column,)
    found = table["v"][0].as_py()
    if value is not None:
        assert (int(found) if kind is Kind.INTEGER else found) == value


def test_an_order_survives_the_conversion_of_odd_types(warehouse: EmbeddedWarehouse) -> None:
    sql = "SELECT i, [i] AS l FROM range(50000) r(i) ORDER BY i % 100, i DESC"
    found = warehouse.query(sql)["i"].to_pylist()
    assert found == sorted(range(50_000), key=lambda i: (i % 100, -i))


def test_times_are_in_utc_whatever_the_machine_says(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    row = warehouse.query("SELECT TIMESTAMPTZ '2020-01-01 00:00:00' AS t, current_setting('TimeZone') AS z").to_pylist()
    assert row[0]["t"].isoformat() == "2020-01-01T00:00:00+00:00" and row[0]["z"] == "UTC"


def test_no_message_shows_the_folder(warehouse: EmbeddedWarehouse) -> None:
    folder = str(warehouse._path.parent)
    for sql in (f"SELECT * FROM read_text('{folder}/w.duckdb')", f"SELECT * FROM read_csv('{folder}/x.csv')"):
        with pytest.raises(CoreError) as caught:
            warehouse.query(sql)
        assert folder not in str(caught.value.to_dict())


def test_another_warehouse_file_cannot_be_read(warehouse: EmbeddedWarehouse, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE secret AS SELECT 'x' AS v")
    for sql in (f"FROM '{other}'", f"FROM read_duckdb('{other}')", f"FROM read_blob('{other}')"):
        with pytest.raises(NotReadOnly) as caught:
            warehouse.query(sql)
        assert caught.value.code == "file_access"


def test_a_table_name_finds_no_variable_of_the_child(warehouse: EmbeddedWarehouse) -> None:
    for name in ("relation", "columns", "cursor", "session", "request", "sys"):
        with pytest.raises(SqlSyntaxError) as caught:
            warehouse.query(f"SELECT * FROM {name}")
        assert caught.value.code == "unknown_table"


def test_what_one_query_sets_does_not_reach_the_next(warehouse: EmbeddedWarehouse) -> None:
    for sql in ("SET VARIABLE leak = 1", "CREATE TEMP TABLE leak AS SELECT 1", "PREPARE leak AS SELECT 1"):
        with pytest.raises(CoreError):
            warehouse.query(sql)
    assert warehouse.query("SELECT getvariable('leak') AS v")["v"].to_pylist() == [None]


def test_a_function_an_expression_and_an_ambiguous_name_fail_with_a_hint(warehouse: EmbeddedWarehouse) -> None:
    codes = {}
    for sql in ("SELECT nosuch(1)", "SELECT 'x'::INTEGER", "SELECT id FROM t a, t b", "SELECT $1", "SELECT idd FROM t"):
        with pytest.raises(CoreError) as caught:
            warehouse.query(sql)
        assert caught.value.message and caught.value.hint and caught.value.context["engine_message"]
        codes[sql] = caught.value.code
    assert list(codes.values()) == [
        "unknown_function",
        "value_failed",
        "sql_syntax_error",
        "parameter",
        "unknown_column",
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("DECIMAL(18,2)", Kind.DECIMAL), ("INTEGER[][]", Kind.JSON), ("STRUCT(a INTEGER)", Kind.JSON)],
)
def test_the_kind_of_a_type_text(text: str, kind: Kind) -> None:
    assert kind_of(text) is kind


def test_wide_values_stream_in_bounded_memory(warehouse: EmbeddedWarehouse) -> None:
    # 1 GB of values in all, through a child that may have 2 GB of address space.
    rows = sum(batch.num_rows for batch in warehouse.stream("SELECT repeat('x', 128000) AS v FROM range(8000)"))
    assert rows == 8_000


def test_a_warehouse_is_opened_by_name_only(tmp_path: Path) -> None:
    missing = EmbeddedWarehouse(tmp_path / "none.duckdb")
    assert missing.dialect == "duckdb"
    assert not (tmp_path / "none.duckdb").exists()


def test_the_file_is_never_written_and_the_report_says_where_state_is_kept_instead(
    warehouse: EmbeddedWarehouse,
) -> None:
    report = warehouse.test_connection()
    assert report.ok and report.can_read and not report.can_write
    assert isinstance(report.write_error, PermissionMissing) and "beside the workspace" in report.write_error.hint


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT i FROM range(1000) AS s(i)", 1000),
        ("SELECT count(*) FROM range(1000) AS s(i)", 1),
        ("SELECT i FROM range(1000) AS s(i) LIMIT 3", None),
        ("SELECT i FROM range(30000000000) AS s(i)", 30_000_000_000),
    ],
)
def test_an_estimate_is_what_the_planner_expects_and_runs_nothing(
    warehouse: EmbeddedWarehouse, sql: str, rows: int | None
) -> None:
    found = warehouse.estimate(sql)
    assert (found.rows, found.scanned_bytes) == (rows, None)


def test_an_estimate_of_what_is_wrong_says_where(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(SqlSyntaxError, match="Line 1, column 8"):
        warehouse.estimate("SELECT nosuch FROM t")
    with pytest.raises(NotReadOnly):
        warehouse.estimate("DROP TABLE t")


class _Counted(EmbeddedWarehouse):
    """Counts what is sent to the engine."""

    asked = 0

    def stream(self, sql: str, **options: Any) -> Generator[pa.RecordBatch, None, None]:
        self.asked += 1
        return super().stream(sql, **options)


def test_a_catalog_of_100_tables_of_500_columns_is_one_query(tmp_path: Path) -> None:
    path = tmp_path / "wide.duckdb"
    columns = ", ".join(f"c{number} INTEGER" for number in range(500))
    with duckdb.connect(str(path)) as connection:
        for number in range(100):
            connection.execute(f"CREATE TABLE t{number:02} ({columns})")
    with _Counted(path) as warehouse:
        tables = warehouse.list_tables()
        assert warehouse.asked == 1
    assert [table.name for table in tables] == [f"t{number:02}" for number in range(100)]
    assert {(len(table.columns), table.columns[499].name, table.columns[499].kind) for table in tables} == {
        (500, "c499", Kind.INTEGER)
    }
