"""What a query would cost, at the Preview button: told in a sentence, asked once a text, and agreed to when high."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from core.setup.guided_setup import connect_warehouse
from tests import guided
from tests.emulators.bigquery.wire import ROOT, Wire, list_sql, write_key
from tests.emulators.postgres_front import open_front
from tests.emulators.recording import Recorder, Reply, Request, run_recorder
from tests.hosted import Form, postgres_form
from tests.pages.reading import list_buttons, press, read_plain

WAIT_S = 30
TERABYTE = 1024**4


def write(app: AppTest, sql: str) -> AppTest:
    app.session_state["model_sql"] = {"value": sql}
    return app.run()


def run_until(app: AppTest, text: str, *, is_there: bool = True) -> AppTest:
    """Run the page as its timer does, until a text is on it, or no longer on it."""
    deadline = time.monotonic() + WAIT_S
    while (text in read_plain(app)) is not is_there and time.monotonic() < deadline:
        app.run()
    assert (text in read_plain(app)) is is_there, read_plain(app)
    return app


def serve_bigquery(size: int) -> Iterator[Recorder]:
    def intercept(request: Request) -> Reply | None:
        if request.path.startswith(f"{ROOT}/datasets") and request.method == "GET":
            return Reply.of({"datasets": [], "tables": []})
        return None

    wire = Wire(statistics={"totalBytesProcessed": str(size)}, intercept=intercept)
    with run_recorder(wire.answer) as recorder:
        yield recorder


@pytest.fixture
def expensive() -> Iterator[Recorder]:
    yield from serve_bigquery(3 * TERABYTE)


@pytest.fixture
def cheap() -> Iterator[Recorder]:
    yield from serve_bigquery(1_300_000_000)


def connect_bigquery(workspace, recorder: Recorder) -> None:
    guided.confirm(workspace)
    settings = {"location": "EU", "read_api": "rest", "api_endpoint": recorder.url}
    secrets = {"credentials": write_key(f"{recorder.url}/token")}
    connect_warehouse(workspace, kind="bigquery", name="Ads", settings=settings, secrets=secrets)


def list_estimated(recorder: Recorder, sql: str) -> list[str]:
    return [text for text in list_sql(recorder, dry=True) if text == sql]


def test_the_embedded_warehouse_tells_the_rows_that_are_expected(workspace, visit):
    guided.connect(workspace)
    app = write(visit("define_model.py"), guided.SQL)
    run_until(app, "About 12 rows. An embedded warehouse costs nothing but time.")
    write(app, "SELECT id FROM customers LIMIT 3")
    run_until(app, "Cannot tell beforehand. DuckDB does not tell how many rows to expect.")


def test_a_text_that_is_no_query_yet_is_not_judged(workspace, visit):
    guided.connect(workspace)
    app = visit("define_model.py")
    for sql in ("", "SELEC", "SELECT nosuch FROM customers", "DELETE FROM customers"):
        run_until(write(app, sql), "Estimating", is_there=False)
        assert ":material/speed:" not in read_plain(app) and not app.error


def test_bytes_are_told_and_asked_for_once_however_often_the_page_runs(workspace, visit, cheap):
    connect_bigquery(workspace, cheap)
    app = write(visit("define_model.py"), "SELECT 7 AS n")
    run_until(app, "Reads 1.2 GB. BigQuery bills what it reads")
    for _ in range(3):
        app.run()
    assert len(list_estimated(cheap, "SELECT 7 AS n")) == 1
    assert list_sql(cheap, dry=False) == [], "an estimate runs nothing"
    run_until(press(app, "Preview"), "The first 1 record")
    assert "Run it anyway" not in list_buttons(app)


def test_a_very_expensive_query_runs_only_after_a_person_agreed(workspace, visit, expensive):
    connect_bigquery(workspace, expensive)
    app = write(visit("define_model.py"), "SELECT 2 AS n")
    press(app, "Preview")
    assert "This query reads 3 TB." in read_plain(app)
    app.run()
    assert list_sql(expensive, dry=False) == []
    press(app, "Preview")
    press(app, "Run it anyway")
    run_until(app, "The first 1 record")
    assert "SELECT 2 AS n" in list_sql(expensive, dry=False)
    again = write(visit("define_model.py"), "SELECT 3 AS n")
    press(again, "Preview")
    assert list_buttons(again)["Run it anyway"], "what was agreed to holds for one text"


def test_an_estimate_that_takes_long_holds_nothing_up_and_can_be_stopped(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    form.connect(workspace)
    with psycopg.connect(warehouse_server.url(form.settings["database"])) as owner:
        owner.execute("LOCK TABLE public.customers IN ACCESS EXCLUSIVE MODE")  # its planner has to wait
        app = write(visit("define_model.py"), "SELECT id FROM public.customers")
        assert "Estimating" in read_plain(app) and list_buttons(app)["Preview"]
        press(app, "Cancel")
        run_until(app, "Estimating", is_there=False)
        assert ":material/speed:" not in read_plain(app) and not app.error


def test_typing_on_stops_the_estimate_of_the_older_text(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    form.connect(workspace)
    with psycopg.connect(warehouse_server.url(form.settings["database"])) as owner:
        owner.execute("LOCK TABLE public.customers IN ACCESS EXCLUSIVE MODE")
        app = write(visit("define_model.py"), "SELECT id FROM public.customers")
        assert "Estimating" in read_plain(app)
        run_until(write(app, "SELECT 1 AS id"), "About 1 row. Its planner expects rows of about 4 bytes.")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND query LIKE 'EXPLAIN%%customers'"
        deadline = time.monotonic() + WAIT_S
        while owner.execute(waiting + " AND state = 'active'", [form.settings["user"]]).fetchone() != (0,):
            assert time.monotonic() < deadline, "the server still plans the older text"


def test_where_the_warehouse_is_away_nothing_is_claimed(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    with open_front(warehouse_server) as front:
        Form(form.kind, form.settings | {"port": str(front.port)}, form.secrets).connect(workspace)
    app = run_until(write(visit("define_model.py"), "SELECT 1 AS id"), "Estimating", is_there=False)
    assert ":material/speed:" not in read_plain(app) and len(app.error) == 1
