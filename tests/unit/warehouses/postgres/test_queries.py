"""What the contract of warehouses does not ask of every engine: Postgres's ways to stop, to name and to estimate."""

from __future__ import annotations

import threading
import tracemalloc

import psycopg
import pytest

from core.errors import PermissionMissing, QueryCancelled, QueryError, QueryTimeout, Unreachable
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from tests.emulators.postgres_front import PostgresFront
from tests.unit.warehouses.postgres.conftest import Connect
from tests.unit.warehouses.servers import (
    ENDLESS,
    read_in_thread,
    require_end_by_administrator,
    require_places_of_other_words,
    wait_until,
)

ACTIVE = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = 'analyst'"


def test_a_query_carries_the_sync_and_the_run_in_the_servers_own_list(
    connect: Connect, admin: psycopg.Connection
) -> None:
    warehouse = connect()
    warehouse.query_tag = QueryTag("syn_1", "run_2")
    token = CancelToken()
    thread, outcome = read_in_thread(warehouse, ENDLESS, token)
    running = f"{ACTIVE} AND query LIKE '%COPY%'"
    wait_until(admin, running, found=True)
    query = admin.execute(running.encode()).fetchall()[0][0]
    token.cancel()
    thread.join()
    assert query.startswith("/* onramp sync=syn_1 run=run_2 */ COPY (")
    assert isinstance(outcome[0], QueryCancelled)
    wait_until(admin, ACTIVE, found=False)


def test_a_time_out_ends_the_query_on_the_server_too(connect: Connect, admin: psycopg.Connection) -> None:
    with pytest.raises(QueryTimeout):
        connect().query(ENDLESS, timeout_s=0.2)
    wait_until(admin, ACTIVE, found=False)


def test_a_stream_that_is_closed_ends_the_query_on_the_server_too(connect: Connect, admin: psycopg.Connection) -> None:
    stream = connect().stream("SELECT generate_series(1, 1000000000) AS n")
    next(stream)
    stream.close()
    wait_until(admin, ACTIVE, found=False)


def test_the_time_of_the_consumer_does_not_count(connect: Connect) -> None:
    stream = connect().stream("SELECT generate_series(1, 400000) AS n", timeout_s=2)
    next(stream)
    threading.Event().wait(2.2)
    assert sum(batch.num_rows for batch in stream) == 400_000 - 16_384


def test_the_session_is_read_only_limited_in_time_and_in_utc(connect: Connect) -> None:
    names = ["transaction_read_only", "TimeZone", "statement_timeout", "idle_in_transaction_session_timeout"]
    columns = ", ".join(f"current_setting('{name}')" for name in names)
    found = connect().query(f"SELECT {columns}", timeout_s=60)
    assert [column[0].as_py() for column in found.columns] == ["on", "UTC", "1441min", "1min"]


def test_a_stream_takes_no_more_memory_for_more_rows(connect: Connect) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for batch in connect().stream(f"SELECT i, repeat('x', 100) AS t FROM generate_series(1, {rows}) AS s(i)"):
            assert batch.num_rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(200_000) < 1.5 * peak(50_000)


def test_a_connection_cut_in_the_middle_is_told_and_the_next_query_has_a_new_one(
    connect: Connect, tls_front: PostgresFront
) -> None:
    warehouse = connect(host="localhost", port=tls_front.port, ssl_mode="require")
    stream = warehouse.stream("SELECT generate_series(1, 100000000) AS n")
    next(stream)
    tls_front.cut()
    with pytest.raises(Unreachable) as caught:
        list(stream)
    assert caught.value.code == "connection_lost" and caught.value.retryable
    assert warehouse.query("SELECT 1 AS n").num_rows == 1
    tls_front.cut()
    assert warehouse.query("SELECT 1 AS n").num_rows == 1


def test_a_query_ended_by_an_administrator_is_told(connect: Connect, admin: psycopg.Connection) -> None:
    require_end_by_administrator(connect, admin, "query LIKE 'COPY%' AND usename = 'analyst'")


def test_a_connection_serves_the_next_query(connect: Connect) -> None:
    warehouse = connect()
    pids = {warehouse.query("SELECT pg_backend_pid() AS pid")[0][0].as_py() for _ in range(3)}
    assert len(pids) == 1


def test_an_estimate_tells_the_rows_that_the_planner_expects_and_runs_nothing(connect: Connect) -> None:
    found = connect().estimate(f"SELECT * FROM generate_series(1, 1000), ({ENDLESS}) AS e")
    assert found.rows == 1000 and found.scanned_bytes is None
    assert found.detail == "Its planner expects rows of about 12 bytes."


def test_a_text_in_another_dialect_is_refused_at_its_place(connect: Connect) -> None:
    require_places_of_other_words(connect())


def test_a_failure_while_rows_come_is_told(connect: Connect) -> None:
    stream = connect().stream("SELECT 1 / (100000 - i) AS n FROM generate_series(1, 200000) AS s(i)")
    with pytest.raises(QueryError) as caught:
        list(stream)
    assert caught.value.code == "value_failed"
    assert caught.value.context["engine_message"] == "division by zero"


def test_a_catalog_of_100_tables_of_500_columns_is_one_query(connect: Connect, admin: psycopg.Connection) -> None:
    columns = ", ".join(f"column_{number} numeric(18, 2)" for number in range(500))
    admin.execute("CREATE SCHEMA wide")
    for number in range(100):
        admin.execute(f"CREATE TABLE wide.t{number:03} ({columns})".encode())
    admin.execute("GRANT USAGE ON SCHEMA wide TO analyst; GRANT SELECT ON ALL TABLES IN SCHEMA wide TO analyst")
    tables = connect().list_tables("wide")
    assert [len(table.columns) for table in tables] == [500] * 100
    admin.execute("DROP SCHEMA wide CASCADE")


def test_our_own_session_stops_where_a_person_says_so_and_keeps_nothing(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE SCHEMA __onramp AUTHORIZATION analyst")
    with connect().open_state_session() as session:
        session.execute("CREATE TABLE __onramp.records_y (record_id text, print text)")
        token = CancelToken()
        threading.Timer(0.3, token.cancel, ["Enough."]).start()
        with pytest.raises(QueryCancelled, match="Enough"):
            session.execute(f"INSERT INTO __onramp.records_y SELECT n::text, '' FROM ({ENDLESS}) q", cancel=token)
        assert session.execute("DELETE FROM __onramp.records_y") == 0
        with pytest.raises(PermissionMissing):
            session.execute("CREATE SCHEMA more")
    admin.execute("DROP SCHEMA __onramp CASCADE")
