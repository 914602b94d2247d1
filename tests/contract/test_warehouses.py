"""What every warehouse engine must do. An engine joins by giving a `Harness`; nothing here knows which one runs."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import (
    ConnectivityError,
    CoreError,
    NotReadOnly,
    PermissionMissing,
    QueryCancelled,
    QueryTimeout,
    ResultTooLarge,
    SqlSyntaxError,
)
from core.syncs.diff.registry import get_diff_dialect
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import CostEstimate, Kind, read_columns
from core.warehouses.engines import ENGINES, Engine
from core.warehouses.registry import DEFINITIONS
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.warehouse import Warehouse
from tests.contract.harnesses.harness import Harness
from tests.contract.harnesses.registry import HARNESSES


@pytest.fixture(scope="module", params=[engine.definition.name for engine in ENGINES])
def harness(request: pytest.FixtureRequest) -> Harness:
    return HARNESSES[request.param]


@pytest.fixture(scope="module")
def server(harness: Harness, request: pytest.FixtureRequest) -> object:
    """What the engine talks to, where it does not run inside this process."""
    return request.getfixturevalue(harness.server) if harness.server else None


@pytest.fixture(scope="module")
def warehouse(harness: Harness, server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with harness.make(tmp_path_factory.mktemp("warehouse"), server) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _declared_gaps(request: pytest.FixtureRequest) -> None:
    """A test that an engine is known to fail is a strict expected failure there, with its reason."""
    if "harness" not in request.fixturenames:
        return
    gap = request.getfixturevalue("harness").gaps.get(request.node.originalname)
    if gap is not None and (not gap.only or any(part in request.node.name for part in gap.only)):
        request.applymarker(gap.to_mark())


def _rows(table: pa.Table) -> list[dict[str, object]]:
    """Return the rows by column name in lower case: an engine may fold names that are not quoted."""
    return [{name.lower(): value for name, value in row.items()} for row in table.to_pylist()]


def _read(table: pa.Table, number: int = 0) -> list[object]:
    """Return one column's values."""
    return table.columns[number].to_pylist()


def test_every_declared_gap_names_a_test() -> None:
    named = {name for harness in HARNESSES.values() for name in harness.gaps}
    assert named <= {name for name in globals() if name.startswith("test_")}


def test_every_engine_has_a_harness_and_a_complete_definition() -> None:
    assert {definition.name for definition in DEFINITIONS} == set(HARNESSES)
    for definition in DEFINITIONS:
        assert definition.label and definition.summary and definition.dialect
        assert definition.docs_url.startswith("https://")
        assert all(field.label and field.description for field in definition.settings)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_has_the_signatures_of_the_contract(engine: Engine) -> None:
    made = engine.load()
    assert made.definition is engine.definition
    for name in (
        *("open", "describe", "list_schemas", "list_tables", "list_names", "read_table", "stream", "query"),
        *("close", "test_connection", "count", "estimate", "check_write", "open_state_session"),
    ):
        expected = list(inspect.signature(getattr(Warehouse, name)).parameters)
        assert list(inspect.signature(getattr(made, name)).parameters) == expected, name


def test_a_connection_test_says_what_can_be_read(warehouse: Warehouse) -> None:
    warehouse.check_reachable()  # raises where it is not
    report = warehouse.test_connection()
    assert report.ok and report.can_read
    assert "3 tables" in report.detail
    assert report.can_write is (report.write_error is None)


def test_our_own_tables_are_made_filled_read_and_dropped_or_the_login_is_told_what_to_do(warehouse: Warehouse) -> None:
    report = warehouse.test_connection()
    if not report.can_write:
        assert isinstance(report.write_error, PermissionMissing) and report.write_error.hint
        return
    dialect = get_diff_dialect(warehouse.dialect)
    table = dialect.name_table("contract_test")
    keys = [None, "", "plain", "tab\tline\nback\\slash", "quote \"and'", "日本 é", "NULL", "\\N"]
    batch = pa.RecordBatch.from_pydict({"record_id": keys, "print": [str(number) for number in range(len(keys))]})
    with warehouse.open_state_session() as session:
        for sql in (dialect.create_schema_sql(), dialect.drop_sql(table), dialect.create_records_sql(table)):
            session.execute(sql)
        assert session.load(table, [batch, batch.slice(0, 0), batch]) == 2 * len(keys)
        assert session.load(table, []) == 0
        rows = warehouse.query(f"SELECT * FROM {table} ORDER BY 2")
        found = sorted((row["print"], row["record_id"]) for row in _rows(rows))
        assert found == sorted(2 * [(str(number), key) for number, key in enumerate(keys)])
        assert session.execute(f"DELETE FROM {table} WHERE record_id = 'plain'") in (2, -1)
        session.execute(dialect.drop_sql(table))
    assert all(table.schema.lower() != STATE_SCHEMA for table in warehouse.list_tables())


def test_an_estimate_says_what_it_knows_and_never_invents_a_zero(warehouse: Warehouse) -> None:
    found = warehouse.estimate("SELECT * FROM crm.people")
    assert isinstance(found, CostEstimate) and found.detail.endswith(".")
    assert found.scanned_bytes is None or found.scanned_bytes > 0
    assert found.rows is None or found.rows >= 0


def test_rows_are_counted_whatever_the_query_ends_with(warehouse: Warehouse) -> None:
    assert warehouse.count("SELECT * FROM crm.people") == 2
    assert warehouse.count("SELECT * FROM crm.people WHERE id > 99") == 0


def test_the_catalog_lists_one_schema_at_a_time(warehouse: Warehouse, harness: Harness) -> None:
    schema = harness.fold(harness.schema)
    assert schema in warehouse.list_schemas()
    assert [harness.fold(table.name) for table in warehouse.list_tables(schema) if table.name.isalpha()] == [
        harness.fold("names"),
        harness.fold("people"),
    ]
    assert warehouse.list_tables("no such schema '") == []


def test_the_catalog_gives_names_alone(warehouse: Warehouse, harness: Harness) -> None:
    schema = harness.fold(harness.schema)
    assert warehouse.list_names("no such schema '") == []
    assert warehouse.list_names(schema) == [table.name for table in warehouse.list_tables(schema)]


def test_the_catalog_gives_one_table_at_a_time(warehouse: Warehouse, harness: Harness) -> None:
    schema = harness.fold(harness.schema)
    tables = warehouse.list_tables(schema)
    assert [warehouse.read_table(schema, table.name) for table in tables] == tables
    assert warehouse.read_table(schema, "no such table '") is None


def test_an_estimate_that_is_stopped_before_it_begins_asks_nothing(warehouse: Warehouse) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(QueryCancelled):
        warehouse.estimate("SELECT * FROM crm.people", cancel=token)


def test_the_catalog_lists_schemas_tables_columns_types_comments_and_row_counts(
    warehouse: Warehouse, harness: Harness
) -> None:
    tables = {(table.schema.lower(), table.name.lower()): table for table in warehouse.list_tables()}
    people = tables["crm", "people"]
    assert (people.row_estimate, people.comment) == (2, "Who we know")
    assert [column.kind for column in people.columns] == [
        *(Kind.INTEGER, Kind.TEXT, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ),
        *(Kind.DECIMAL, Kind.FLOAT, Kind.BOOLEAN, Kind.JSON, Kind.BYTES),
    ]
    assert people.columns[1].comment == "As they write it"
    assert tables["crm", "names"].row_estimate is None
    odd = next(table for table in tables.values() if table.name.startswith("odd"))
    assert tuple(column.name for column in odd.columns) == harness.odd_columns


def test_values_of_every_kind_arrive_as_they_are(warehouse: Warehouse) -> None:
    rows = _rows(warehouse.query("SELECT * FROM crm.people ORDER BY id"))
    first = rows[0]
    assert (first["id"], first["name"], first["active"], first["score"]) == (1, "Zoë", True, 0.1)
    assert first["born"] == date(1931, 7, 4)
    assert first["seen"] == datetime(1969, 12, 31, 23, 59, 59, 999_000)  # noqa: DTZ001 - a time without a zone
    assert first["updated"] == datetime(2024, 3, 31, 0, 30, tzinfo=UTC)
    assert first["balance"] == Decimal("12345678901234.56")
    assert first["extra"].replace(" ", "") == '{"a":[1,null]}'
    assert first["photo"] == b"\x00\xff"
    assert all(value is None for name, value in rows[1].items() if name != "id")


def test_null_is_not_the_empty_text(warehouse: Warehouse) -> None:
    assert _read(warehouse.query("SELECT note FROM crm.people ORDER BY id")) == ["", None]


def test_describe_and_query_agree_on_names_types_and_kinds(warehouse: Warehouse) -> None:
    sql = "SELECT * FROM crm.people"
    described = warehouse.describe(sql)
    assert read_columns(warehouse.query(sql).schema) == described
    assert [column.kind for column in described][:4] == [Kind.INTEGER, Kind.TEXT, Kind.TEXT, Kind.DATE]


def test_describe_runs_nothing(warehouse: Warehouse, harness: Harness) -> None:
    assert [column.name for column in warehouse.describe(harness.endless)] == [harness.fold("l")]


def test_a_query_without_rows_still_has_its_columns(warehouse: Warehouse) -> None:
    sql = "SELECT * FROM crm.people WHERE id > 99"
    table = warehouse.query(sql)
    assert table.num_rows == 0
    assert read_columns(table.schema) == warehouse.describe(sql)
    batches = list(warehouse.stream(sql))
    assert [batch.num_rows for batch in batches] == [0]


def test_columns_of_the_same_name_stay_two_columns(warehouse: Warehouse, harness: Harness) -> None:
    plain = harness.fold("a")
    other = plain.swapcase()
    table = warehouse.query(f"SELECT 1 AS a, 2 AS a, NULL AS {harness.quote(other)}")
    assert table.column_names == [plain, plain, other]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], [None]]


def test_odd_column_names_come_back_unchanged(warehouse: Warehouse, harness: Harness) -> None:
    names = ['a"b', "a.b", "sel ect;--", "Ünï€", "'"]
    quoted = ", ".join(f"{number} AS {harness.quote(name)}" for number, name in enumerate(names))
    assert warehouse.query(f"SELECT {quoted}").column_names == names


def test_six_hundred_columns_come_back(warehouse: Warehouse) -> None:
    table = warehouse.query("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(600)))
    assert table.num_columns == 600


def test_max_rows_cuts_and_keeps_the_order(warehouse: Warehouse, harness: Harness) -> None:
    sql = f"SELECT i FROM {harness.numbers.format(n=100_000)} ORDER BY i DESC"
    assert _read(warehouse.query(sql, max_rows=3)) == [99_999, 99_998, 99_997]
    assert warehouse.query(sql, max_rows=0).num_rows == 0


def test_batches_hold_no_more_rows_than_asked_for_and_lose_none(warehouse: Warehouse, harness: Harness) -> None:
    sql = f"SELECT i FROM {harness.numbers.format(n=50_001)} ORDER BY i"
    batches = list(warehouse.stream(sql, batch_rows=1_000))
    assert {batch.num_rows for batch in batches[:-1]} == {1_000}
    assert _read(pa.Table.from_batches(batches)) == list(range(50_001))


def test_a_result_that_does_not_fit_is_refused_with_the_limit(warehouse: Warehouse, harness: Harness) -> None:
    sql = f"SELECT i FROM {harness.numbers.format(n=300_000)}"
    with pytest.raises(ResultTooLarge, match="more than 1 MB"):
        warehouse.query(sql, max_bytes=1024**2)


def test_a_value_of_200_kb_arrives_whole(warehouse: Warehouse) -> None:
    assert _read(warehouse.query("SELECT repeat('é', 200000) AS v")) == ["é" * 200_000]


def test_a_time_out_stops_a_query_that_cannot_be_interrupted(warehouse: Warehouse, harness: Harness) -> None:
    with pytest.raises(QueryTimeout) as caught:
        warehouse.query(harness.endless, timeout_s=0.3)
    assert "0.3 s" in caught.value.message and caught.value.hint and caught.value.retryable
    assert _read(warehouse.query("SELECT 1 AS n")) == [1]


def test_a_query_is_cancelled_from_another_thread(warehouse: Warehouse, harness: Harness) -> None:
    token = CancelToken()
    timer = threading.Timer(0.3, token.cancel, ["The browser was closed."])
    timer.start()
    with pytest.raises(QueryCancelled, match="The browser was closed"):
        warehouse.query(harness.endless, cancel=token)
    timer.join()


def test_a_stream_is_cancelled_between_two_batches(warehouse: Warehouse, harness: Harness) -> None:
    token = CancelToken()
    stream = warehouse.stream(f"SELECT i FROM {harness.numbers.format(n=harness.many)}", cancel=token)
    next(stream)
    token.cancel("Enough.")
    with pytest.raises(QueryCancelled, match="Enough"):
        list(stream)


def test_a_token_cancelled_before_stops_the_query_from_starting(warehouse: Warehouse) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(QueryCancelled):
        warehouse.query("SELECT 1", cancel=token)


def test_a_token_cancelled_after_the_query_does_no_harm_to_the_next(warehouse: Warehouse) -> None:
    token = CancelToken()
    warehouse.query("SELECT 1 AS n", cancel=token)
    token.cancel()
    assert _read(warehouse.query("SELECT 2 AS n")) == [2]


def test_closing_a_stream_ends_its_query(warehouse: Warehouse, harness: Harness) -> None:
    stream = warehouse.stream(f"SELECT i FROM {harness.numbers.format(n=harness.many)}")
    assert next(stream).num_rows > 0
    stream.close()
    assert _read(warehouse.query("SELECT 1 AS n")) == [1]


def test_too_much_memory_is_an_error_and_the_warehouse_lives_on(warehouse: Warehouse, harness: Harness) -> None:
    if harness.hungry is None:
        pytest.skip("the server decides how much memory a query may have")
    with pytest.raises(ResultTooLarge) as caught:
        warehouse.query(harness.hungry)
    assert caught.value.code == "out_of_memory" and caught.value.hint
    assert _read(warehouse.query("SELECT 1 AS n")) == [1]


def test_several_threads_query_at_once(warehouse: Warehouse, harness: Harness) -> None:
    sql = f"SELECT i FROM {harness.numbers.format(n=20_000)} WHERE i % 4 = "
    found: dict[int, int] = {}

    def ask(remainder: int) -> None:
        found[remainder] = warehouse.query(sql + str(remainder)).num_rows

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), 5_000)


def test_two_streams_of_one_thread_interleave(warehouse: Warehouse, harness: Harness) -> None:
    sql = f"SELECT i FROM {harness.numbers.format(n=40_000)} ORDER BY i"
    one, two = warehouse.stream(sql, batch_rows=5_000), warehouse.stream(sql + " DESC", batch_rows=5_000)
    pairs = [(a[0][0].as_py(), b[0][0].as_py()) for a, b in zip(one, two, strict=True)]
    assert pairs[0] == (0, 39_999) and len(pairs) == 8


@pytest.mark.parametrize(
    ("sql", "place", "words"),
    [
        ("selec 1", (1, 1), "selec"),
        ("SELECT 'ü€😀',\n  foo FROM crm.people", (2, 3), "foo"),
        ("SELECT 1 FROM nowhere", (1, 15), "nowhere"),
        ("SELECT nosuchfunction(1)", (1, 8), "nosuchfunction"),
        ("SELECT id FROM crm.people WHERE", None, ""),
    ],
)
def test_an_error_says_where_and_what(
    warehouse: Warehouse, sql: str, place: tuple[int, int] | None, words: str
) -> None:
    for ask in (warehouse.query, warehouse.describe):
        with pytest.raises(SqlSyntaxError) as caught:
            ask(sql)
        assert words in caught.value.message and caught.value.hint
        if place is not None:
            assert caught.value.message.startswith(f"Line {place[0]}, column {place[1]}:")
            assert (caught.value.context["line"], caught.value.context["column"]) == place


def test_an_error_in_a_value_names_the_value(warehouse: Warehouse, harness: Harness) -> None:
    with pytest.raises(CoreError, match="abc") as caught:
        warehouse.query(f"SELECT CAST(name || 'abc' AS {harness.integer}) FROM crm.people")
    assert caught.value.hint


def test_no_statement_that_writes_gets_through_even_without_the_guard(warehouse: Warehouse, harness: Harness) -> None:
    for sql in harness.writes:
        with pytest.raises(CoreError) as caught:
            warehouse.query(sql)
        assert isinstance(caught.value, NotReadOnly | SqlSyntaxError), sql
        assert caught.value.message and caught.value.hint, sql
    assert _read(warehouse.query("SELECT count(*) AS n FROM crm.people")) == [2]
    assert len(warehouse.list_tables()) == 3


def test_no_query_reads_a_file_or_an_address_even_without_the_guard(warehouse: Warehouse, harness: Harness) -> None:
    for sql in harness.files:
        with pytest.raises((NotReadOnly, SqlSyntaxError, ConnectivityError)) as caught:
            warehouse.query(sql)
        assert caught.value.message and caught.value.hint, sql


def test_closing_twice_is_fine(harness: Harness, server: object, tmp_path: Path) -> None:
    opened = harness.make(tmp_path, server)
    opened.close()
    opened.close()
