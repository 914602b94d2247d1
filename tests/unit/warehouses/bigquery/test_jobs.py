"""What the client sends to BigQuery and what it makes of the answers: the parts that no emulator shows."""

from __future__ import annotations

import threading

import pytest

from core.errors import NotReadOnly, QueryCancelled, QueryError, QueryTimeout, SqlSyntaxError, Unreachable
from core.storage.home import Home
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from tests.emulators.bigquery.wire import JOBS, QUERIES, Wire, list_sql, open_wire, read_job_id, refuse, write_key
from tests.emulators.door import open_door
from tests.emulators.recording import Reply, Request, run_recorder

SQL = "SELECT n FROM crm.people"


def test_a_query_is_planned_then_run_with_label_limit_time_out_and_location(home: Home) -> None:
    with open_wire(Wire(), home, maximum_bytes_billed=20_971_520) as (warehouse, recorder):
        warehouse.query_tag = QueryTag("syn_01K", "run_é.2")
        assert warehouse.query(SQL, timeout_s=5).to_pylist() == [{"n": 1}]
        planned, run = (request.json() for request in recorder.find(JOBS, "POST"))
    assert planned["configuration"]["dryRun"] is True and "dryRun" not in run["configuration"]
    for body in (planned, run):
        configuration = body["configuration"]
        assert configuration["query"]["query"] == SQL
        assert configuration["query"]["useLegacySql"] is False
        assert configuration["query"]["maximumBytesBilled"] == "20971520"
        assert configuration["labels"] == {
            "application": "onramp",
            "onramp_sync": "syn_01k",
            "onramp_run": "run_--2",
        }
        assert 0 < int(configuration["jobTimeoutMs"]) <= 5_000
        assert body["jobReference"]["location"] == "EU"
    assert run["jobReference"]["jobId"].startswith("onramp_")


def test_one_token_serves_all_requests_and_names_only_what_is_needed(home: Home) -> None:
    with open_wire(Wire(), home) as (warehouse, recorder):
        warehouse.query(SQL)
        warehouse.query(SQL)
        assert len(recorder.find("/token")) == 1
        assert {each.headers["authorization"] for each in recorder.find("/bigquery")} == {"Bearer a-token"}


@pytest.mark.parametrize("kind", ["SCRIPT", "CREATE_TABLE_AS_SELECT", "EXPORT_DATA", "INSERT", None])
def test_what_bigquery_does_not_read_as_a_query_never_runs(home: Home, kind: str | None) -> None:
    with open_wire(Wire(statement_type=kind), home) as (warehouse, recorder):
        for ask in (warehouse.query, warehouse.describe, warehouse.estimate):
            with pytest.raises(NotReadOnly) as caught:
                ask(SQL)
            assert caught.value.hint
        assert list_sql(recorder, dry=False) == []


@pytest.mark.parametrize(
    "sql", ["SELECT 1; DROP TABLE crm.people", "DROP TABLE crm.people", "BEGIN SELECT 1; END", "", "SELECT 'a"]
)
def test_a_text_that_is_not_one_query_is_not_even_sent(home: Home, sql: str) -> None:
    with open_wire(Wire(), home) as (warehouse, recorder):
        for ask in (warehouse.query, warehouse.describe, warehouse.estimate):
            with pytest.raises((NotReadOnly, SqlSyntaxError)):
                ask(sql)
        assert recorder.find("/") == []


@pytest.mark.parametrize(
    ("statistics", "size", "words"),
    [
        ({"totalBytesProcessed": "3200000000"}, 3_200_000_000, "bills what it reads"),
        ({"totalBytesProcessed": "512"}, 512, "bills what it reads"),
        ({"totalBytesProcessed": "0"}, None, "does not tell"),
        ({}, None, "does not tell"),
    ],
)
def test_an_estimate_is_the_dry_runs_bytes_without_the_cache(
    home: Home, statistics: dict[str, str], size: int | None, words: str
) -> None:
    with open_wire(Wire(statistics=statistics), home) as (warehouse, recorder):
        found = warehouse.estimate(SQL)
        assert (found.scanned_bytes, words in found.detail) == (size, True)
        assert recorder.find(JOBS)[0].json()["configuration"]["query"]["useQueryCache"] is False
        assert list_sql(recorder, dry=False) == []


def test_an_estimate_above_the_limit_says_so_before_the_query_is_refused(home: Home) -> None:
    wire = Wire(statistics={"totalBytesProcessed": "3000000000"})
    with open_wire(wire, home, maximum_bytes_billed=1_000_000_000) as (warehouse, recorder):
        assert "more than the 1.0 GB" in warehouse.estimate(SQL).detail
        assert "maximumBytesBilled" not in recorder.find(JOBS)[0].json()["configuration"]["query"]


def test_a_query_above_the_byte_limit_is_refused_with_both_numbers(home: Home) -> None:
    message = "Query exceeded limit for bytes billed: 20971520. 163577856 or higher required."
    wire = Wire(error={"reason": "bytesBilledLimitExceeded", "message": message})
    with open_wire(wire, home, maximum_bytes_billed=20_971_520) as (warehouse, _), pytest.raises(QueryError) as caught:
        warehouse.query(SQL)
    assert caught.value.code == "bytes_billed_limit"
    assert "163,577,856" in caught.value.message and "20,971,520" in caught.value.message
    assert caught.value.context["engine_message"] == message


def test_a_job_that_never_ends_is_given_up_at_the_deadline_and_cancelled(home: Home) -> None:
    with open_wire(Wire(state="RUNNING"), home) as (warehouse, recorder):
        with pytest.raises(QueryTimeout, match=r"0\.5 s"):
            warehouse.query(SQL, timeout_s=0.5)
        job = recorder.find(JOBS, "POST")[1].json()["jobReference"]["jobId"]
        (cancel,) = recorder.wait_for(f"{JOBS}/{job}/cancel")
        assert cancel.query["location"] == "EU"


def test_bigquerys_own_time_out_is_a_time_out(home: Home) -> None:
    wire = Wire(error={"reason": "stopped", "message": "Job execution was cancelled: Job timed out after 60s"})
    with open_wire(wire, home) as (warehouse, _), pytest.raises(QueryTimeout, match="took longer than 60 s") as caught:
        warehouse.query(SQL)
    assert caught.value.retryable and caught.value.hint


def test_a_job_that_somebody_cancelled_in_bigquery_is_told_as_that(home: Home) -> None:
    wire = Wire(error={"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"})
    with open_wire(wire, home) as (warehouse, _), pytest.raises(QueryCancelled, match="in BigQuery"):
        warehouse.query(SQL)


def test_a_cancel_from_another_thread_ends_the_job_in_bigquery(home: Home) -> None:
    token = CancelToken()

    def intercept(request: Request) -> Reply | None:
        if request.method == "GET" and request.path.startswith(f"{JOBS}/"):
            threading.Thread(target=token.cancel, args=["The browser was closed."]).start()
        return None

    with open_wire(Wire(state="RUNNING", intercept=intercept), home) as (warehouse, recorder):
        with pytest.raises(QueryCancelled, match="The browser was closed"):
            warehouse.query(SQL, cancel=token)
        started = recorder.find(JOBS, "POST")[1].json()["jobReference"]["jobId"]
        (cancel,) = recorder.wait_for(f"{JOBS}/{started}/cancel")
        assert read_job_id(cancel.path) == started


def test_a_job_can_be_cancelled_before_bigquery_answered_its_start(home: Home) -> None:
    token, cancelled = CancelToken(), threading.Event()

    def intercept(request: Request) -> Reply | None:
        if request.path.endswith("/cancel"):
            cancelled.set()
        elif request.path == JOBS and "dryRun" not in request.json()["configuration"]:
            threading.Thread(target=token.cancel).start()
            assert cancelled.wait(20)
        return None

    with open_wire(Wire(state="RUNNING", intercept=intercept), home) as (warehouse, recorder):
        with pytest.raises(QueryCancelled):
            warehouse.query(SQL, cancel=token)
        assert len(recorder.find(JOBS, "POST")) == 3  # planned, started, cancelled: and never asked about


def test_a_start_whose_reply_was_lost_runs_once(home: Home) -> None:
    tries: list[str] = []

    def intercept(request: Request) -> Reply | None:
        if request.path != JOBS or "dryRun" in request.json()["configuration"]:
            return None
        tries.append(request.json()["jobReference"]["jobId"])
        if len(tries) == 1:
            return Reply(200, b"{}" * 50, cut_after=3)
        return refuse(409, "duplicate", f"Already Exists: Job wire-project:EU.{tries[0]}")

    with open_wire(Wire(intercept=intercept), home) as (warehouse, recorder):
        assert warehouse.query(SQL).num_rows == 1
        assert len(set(tries)) == 1
        assert len(recorder.find(f"{JOBS}/{tries[0]}", "GET")) == 1


def test_a_connection_cut_in_the_middle_of_a_page_loses_and_doubles_nothing(home: Home) -> None:
    pages = [[(str(number),) for number in range(start, start + 1_000)] for start in range(0, 5_000, 1_000)]
    asked: list[str] = []

    def intercept(request: Request) -> Reply | None:
        if not request.path.startswith(QUERIES):
            return None
        asked.append(request.query.get("pageToken", "0"))
        if asked.count(asked[-1]) > 1 or asked[-1] not in ("0", "2"):
            return None
        whole = wire._page(request)
        return Reply(200, whole.body, whole.headers, cut_after=len(whole.body) // 2)

    wire = Wire(pages=pages, intercept=intercept)
    with open_wire(wire, home) as (warehouse, _):
        assert warehouse.query(SQL)["n"].to_pylist() == list(range(5_000))
    assert asked == ["0", "0", "1", "2", "2", "3", "4"]


def test_pages_come_as_they_are_consumed_and_not_before(home: Home) -> None:
    pages = [[(str(number),) for number in range(1_000)] for _ in range(40)]
    with open_wire(Wire(pages=pages), home) as (warehouse, recorder):
        stream = warehouse.stream(SQL, batch_rows=1_000)
        for taken in range(1, 4):
            assert next(stream).num_rows == 1_000
            assert len(recorder.find(QUERIES)) <= taken + 1
        stream.close()
        assert len(recorder.find(QUERIES)) <= 4
        assert recorder.find(JOBS, "POST")[-1].path == JOBS  # the job was done: nothing is left to cancel


def test_a_server_that_falls_silent_is_given_up_at_the_deadline(home: Home) -> None:
    done = threading.Event()

    def intercept(request: Request) -> Reply | None:
        if request.path.startswith(QUERIES):
            done.wait(20)
        return None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _):
        with pytest.raises(QueryTimeout):
            warehouse.query(SQL, timeout_s=0.5)
        done.set()


def test_max_rows_asks_for_no_more_and_none_runs_nothing(home: Home) -> None:
    pages = [[(str(number),) for number in range(1_000)]]
    with open_wire(Wire(pages=pages), home) as (warehouse, recorder):
        assert warehouse.query(SQL, max_rows=3).num_rows == 3
        assert recorder.find(QUERIES)[0].query["maxResults"] == "3"
        before = list_sql(recorder, dry=False)
        assert warehouse.query(SQL, max_rows=0).num_rows == 0
        assert list_sql(recorder, dry=False) == before


def test_a_reply_that_breaks_off_among_its_headers_is_no_success(home: Home) -> None:
    with run_recorder(Wire().answer) as recorder, open_door(recorder.port) as door:
        settings = {"location": "EU", "read_api": "rest", "api_endpoint": f"http://127.0.0.1:{door.port}"}
        key = write_key(f"{recorder.url}/token")
        with BigQueryWarehouse.open(home, settings, {"credentials": key}) as warehouse:
            assert warehouse.query("SELECT 1 AS n").num_rows == 1
            door.shut_after(len("HTTP/1.1 200 OK\r\nServer: x"))
            with pytest.raises(Unreachable, match="ended the connection") as caught:
                warehouse.query("SELECT 1 AS n")
    assert caught.value.hint and door.cuts
