"""What the contract of warehouses does not ask of every engine: Redshift's ways to read, to stop and to estimate."""

from __future__ import annotations

import threading
import tracemalloc
from contextlib import closing

import psycopg
import pyarrow as pa
import pytest

from core.errors import (
    NotReadOnly,
    PermissionMissing,
    QueryCancelled,
    QueryError,
    QueryTimeout,
    Unreachable,
)
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from core.warehouses.redshift.warehouse import FETCH_ROWS
from tests.emulators.postgres_front import PostgresFront
from tests.unit.warehouses.redshift.conftest import USER, Connect
from tests.unit.warehouses.servers import (
    ENDLESS,
    read_in_thread,
    require_end_by_administrator,
    require_places_of_other_words,
    wait_until,
)

ACTIVE = f"SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = '{USER}'"


def test_a_query_is_cancelled_on_the_server_from_another_thread(connect: Connect, admin: psycopg.Connection) -> None:
    token = CancelToken()
    thread, outcome = read_in_thread(connect(), ENDLESS, token)
    wait_until(admin, f"{ACTIVE} AND query LIKE 'FETCH%'", found=True)
    token.cancel("Enough.")
    thread.join(10)
    assert isinstance(outcome[0], QueryCancelled) and "Enough." in outcome[0].message
    wait_until(admin, ACTIVE, found=False)


def test_where_no_second_connection_can_be_made_the_first_is_hung_up(
    connect: Connect, admin: psycopg.Connection, database: str
) -> None:
    token = CancelToken()
    thread, outcome = read_in_thread(connect(), ENDLESS, token)
    wait_until(admin, f"{ACTIVE} AND query LIKE 'FETCH%'", found=True)
    admin.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 1".encode())
    try:
        token.cancel("Enough.")
        thread.join(10)
    finally:
        admin.execute(f"ALTER DATABASE {database} CONNECTION LIMIT -1".encode())
    assert isinstance(outcome[0], QueryCancelled)
    admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'".encode())


def test_a_time_out_ends_the_query_on_the_server_too(connect: Connect, admin: psycopg.Connection) -> None:
    with pytest.raises(QueryTimeout, match=r"longer than 0\.2 s"):
        connect().query(ENDLESS, timeout_s=0.2)
    wait_until(admin, ACTIVE, found=False)


def test_a_stream_that_is_closed_keeps_no_transaction_open(connect: Connect, admin: psycopg.Connection) -> None:
    with closing(connect().stream("SELECT generate_series(1, 1000000000) AS n")) as stream:
        next(stream)
    mine = f"SELECT FROM pg_stat_activity WHERE usename = '{USER}' AND state LIKE 'idle in%'"
    wait_until(admin, mine, found=False)


def test_the_time_of_the_consumer_does_not_count(connect: Connect) -> None:
    stream = connect().stream("SELECT generate_series(1, 40000) AS n", timeout_s=4.0)
    next(stream)
    threading.Event().wait(4.2)
    assert sum(batch.num_rows for batch in stream) == 40_000 - 16_384


def test_the_session_is_read_only_limited_in_time_in_utc_and_carries_sync_and_run(connect: Connect) -> None:
    warehouse = connect()
    names = ("transaction_read_only", "TimeZone", "statement_timeout", "redshift.query_group")
    sql = f"SELECT {', '.join(f'current_setting({name!r}) AS v{i}' for i, name in enumerate(names))}"
    assert [column[0].as_py() for column in warehouse.query(sql).columns] == ["on", "UTC", "1min", "onramp"]
    warehouse.query_tag = QueryTag("syn_1", "run_2")
    assert warehouse.query(sql)[3][0].as_py() == "onramp sync=syn_1 run=run_2"


def test_rows_are_fetched_by_as_many_as_a_cluster_of_one_node_gives(connect: Connect) -> None:
    batches = list(connect().stream("SELECT generate_series(1, 4500) AS n", batch_rows=2200))
    assert [batch.num_rows for batch in batches] == [2200, 2200, 100] and FETCH_ROWS == 1000
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(1, 4501))
    assert [batch.num_rows for batch in connect().stream("SELECT generate_series(1, 2000) AS n")] == [2000]
    assert [batch.num_rows for batch in connect().stream("SELECT 1 AS n WHERE false")] == [0]


def test_a_preview_of_few_rows_needs_no_cursor_and_no_setting_again(
    connect: Connect, redshift_front: PostgresFront
) -> None:
    warehouse = connect()
    sql = "SELECT generate_series(1, 4500) AS n"
    assert warehouse.query(sql, max_rows=10)["n"].to_pylist() == list(range(1, 11))
    before = redshift_front.asked.count(b"E")
    assert warehouse.query(sql, max_rows=1000).num_rows == 1000
    assert redshift_front.asked.count(b"E") - before == 3  # the transaction, the rows, the end
    assert warehouse.query(sql, max_rows=1001).num_rows == 1001
    assert [batch.num_rows for batch in warehouse.stream(sql, max_rows=10, batch_rows=4)] == [4, 4, 2]


def test_a_batch_of_long_rows_is_short(connect: Connect) -> None:
    batches = list(connect().stream("SELECT repeat('x', 10000) AS t FROM generate_series(1, 5000)"))
    assert [batch.num_rows for batch in batches] == [2000, 2000, 1000]


def test_a_stream_takes_no_more_memory_for_more_rows(connect: Connect) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for batch in connect().stream(f"SELECT i, repeat('x', 100) AS t FROM generate_series(1, {rows}) AS s(i)"):
            assert batch.num_rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40_000) < 1.5 * peak(20_000)


def test_rows_come_in_the_order_that_the_query_asks_for(connect: Connect) -> None:
    rows = connect().query("SELECT i FROM generate_series(1, 3000) AS s(i) ORDER BY i DESC")["i"].to_pylist()
    assert rows == list(range(3000, 0, -1))


def test_a_connection_cut_in_the_middle_is_told_and_the_next_query_has_a_new_one(
    connect: Connect, redshift_front: PostgresFront, trusted: None
) -> None:
    for ssl_mode in ("disable", "verify-full"):
        warehouse = connect(ssl_mode=ssl_mode)
        stream = warehouse.stream("SELECT generate_series(1, 100000000) AS n")
        next(stream)
        redshift_front.cut()
        with pytest.raises(Unreachable) as caught:
            list(stream)
        assert caught.value.code == "connection_lost" and caught.value.retryable
        assert warehouse.query("SELECT 1 AS n").num_rows == 1
        redshift_front.cut()
        assert warehouse.query("SELECT 1 AS n").num_rows == 1


def test_a_query_ended_by_an_administrator_is_told(connect: Connect, admin: psycopg.Connection) -> None:
    require_end_by_administrator(connect, admin, f"query LIKE 'FETCH%' AND usename = '{USER}'")


def test_a_connection_serves_the_next_query_and_a_failed_one_none(connect: Connect) -> None:
    warehouse = connect()

    def read_pid() -> int:
        return int(warehouse.query("SELECT pg_backend_pid() AS pid")[0][0].as_py())

    first = read_pid()
    assert read_pid() == first
    with pytest.raises(QueryError):
        warehouse.query("SELECT 1 / 0 AS n")
    assert read_pid() != first


def test_a_connection_that_was_ended_while_it_waited_costs_no_query(
    connect: Connect, admin: psycopg.Connection
) -> None:
    warehouse = connect()
    for _ in range(2):
        assert warehouse.query("SELECT 1 AS n").num_rows == 1
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'".encode())


def test_a_query_is_described_without_being_run(connect: Connect, redshift_front: PostgresFront) -> None:
    warehouse = connect()
    sql = "SELECT 1 / 0 AS n, 'a'::varchar(3) AS t"
    assert [column.type for column in warehouse.describe(sql)] == ["integer", "character varying(3)"]
    before = redshift_front.asked.count(b"E")
    assert len(warehouse.describe(sql)) == 2
    assert redshift_front.asked.count(b"E") - before == 2  # the transaction and its end


def test_a_text_that_gives_no_columns_is_told_so_and_nothing_is_run(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute(f"CREATE TABLE kept AS SELECT 1 AS id; GRANT ALL ON kept TO {USER}".encode())
    with pytest.raises(NotReadOnly, match="not a query that reads"):
        connect().query("DELETE FROM kept")
    assert admin.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    admin.execute("DROP TABLE kept")


def test_an_estimate_tells_the_rows_that_the_planner_expects_and_runs_nothing(connect: Connect) -> None:
    found = connect().estimate(f"SELECT * FROM generate_series(1, 1000), ({ENDLESS}) AS e")
    assert found.rows == 1000 and found.scanned_bytes is None
    assert found.detail == "Its planner expects rows of about 12 bytes."


def test_a_text_in_another_dialect_is_refused_at_its_place(connect: Connect) -> None:
    require_places_of_other_words(connect())


def test_percent_colon_and_question_marks_are_no_parameters(connect: Connect) -> None:
    sql = "SELECT 'a%s' AS a, 7 % 4 AS b, '1'::int AS c, 'x' LIKE '%' AS d -- :no %s ?"
    assert connect().query(sql).to_pylist() == [{"a": "a%s", "b": 3, "c": 1, "d": True}]


def test_a_failure_while_rows_come_is_told(connect: Connect) -> None:
    with pytest.raises(QueryError) as caught:
        list(connect().stream("SELECT 1 / (20000 - i) AS n FROM generate_series(1, 30000) AS s(i)"))
    assert caught.value.code == "value_failed"
    assert caught.value.context["engine_message"] == "division by zero"


def test_a_catalog_of_100_tables_of_500_columns_is_three_queries(
    connect: Connect, admin: psycopg.Connection, redshift_front: PostgresFront
) -> None:
    columns = ", ".join(f"column_{number} numeric(18, 2)" for number in range(500))
    admin.execute("CREATE SCHEMA wide")
    for number in range(100):
        admin.execute(f"CREATE TABLE wide.t{number:03} ({columns})".encode())
    admin.execute(f"GRANT USAGE ON SCHEMA wide TO {USER}; GRANT SELECT ON ALL TABLES IN SCHEMA wide TO {USER}".encode())
    warehouse = connect()
    warehouse.list_schemas()
    before = redshift_front.asked.count(b"E")
    tables = warehouse.list_tables("wide")
    assert [len(table.columns) for table in tables] == [500] * 100
    assert redshift_front.asked.count(b"E") - before == 3 + 2  # the transaction and its end
    admin.execute("DROP SCHEMA wide CASCADE")


def test_a_login_that_may_not_read_the_row_counts_has_the_catalog_without_them(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute(f"CREATE TABLE counted (id int); ANALYZE counted; GRANT SELECT ON counted TO {USER}".encode())
    warehouse = connect()
    assert warehouse.list_tables("public")[0].row_estimate == 0
    admin.execute("REVOKE SELECT ON svv_table_info FROM PUBLIC")
    assert [(table.name, table.row_estimate) for table in warehouse.list_tables("public")] == [("counted", None)]
    admin.execute("GRANT SELECT ON svv_table_info TO PUBLIC; DROP TABLE counted")


def test_our_own_session_stops_where_a_person_says_so_and_keeps_nothing(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute(f"CREATE SCHEMA __onramp AUTHORIZATION {USER}".encode())
    with connect().open_state_session() as session:
        session.execute("CREATE TABLE __onramp.records_y (record_id varchar(10), print varchar(32))")
        token = CancelToken()
        threading.Timer(0.3, token.cancel, ["Enough."]).start()
        with pytest.raises(QueryCancelled, match="Enough"):
            session.execute(f"INSERT INTO __onramp.records_y SELECT n, '' FROM ({ENDLESS}) q", cancel=token)
        assert session.execute("DELETE FROM __onramp.records_y") == 0
        with pytest.raises(PermissionMissing):
            session.execute("CREATE SCHEMA more")
    admin.execute("DROP SCHEMA __onramp CASCADE")


def test_rows_that_stop_coming_while_they_are_loaded_leave_nothing_behind(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute(f"CREATE SCHEMA __onramp AUTHORIZATION {USER}".encode())
    batch = pa.RecordBatch.from_pydict({"record_id": ["a"], "print": ["b"]})

    def give_up() -> object:
        yield batch
        raise KeyError("the source has gone")

    with connect().open_state_session() as session:
        session.execute("CREATE TABLE __onramp.records_z (record_id varchar(10), print varchar(32))")
        with pytest.raises(KeyError):
            session.load("__onramp.records_z", give_up())  # type: ignore[arg-type]
        assert session.load("__onramp.records_z", [batch]) == 1
        assert session.execute("DELETE FROM __onramp.records_z") == 1
    admin.execute("DROP SCHEMA __onramp CASCADE")
