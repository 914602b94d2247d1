"""The tables of a hosted warehouse on Define Model: read as somebody looks, searched, refreshed, completed, refused."""

from __future__ import annotations

import json

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from core.setup.guided_setup import get_setup
from core.warehouses.store import list_warehouses
from tests import guided
from tests.emulators.postgres_front import open_front
from tests.hosted import Form, add_wide_schemas, postgres_form
from tests.pages.reading import list_links, press, read_plain

SMALL_BYTES = 60_000


@pytest.fixture(scope="module")
def form(warehouse_server):
    made = postgres_form(warehouse_server)
    add_wide_schemas(warehouse_server, made)
    return made


@pytest.fixture
def open_model(workspace, visit, form):
    """Open Define Model on a warehouse of 100 tables of 500 columns."""

    def open_page(**changed: str) -> AppTest:
        guided.confirm(workspace)
        Form(form.kind, form.settings | changed, form.secrets).connect(workspace)
        return visit("define_model.py")

    return open_page


def key(workspace, name: str) -> str:
    (record,) = list_warehouses(workspace)
    return f"catalog_{record.id}{name}"


def list_tables(app: AppTest) -> list[str]:
    return [box.label.rpartition(" ")[2] for box in app.expander if ":material/table:" in box.label]


def open_table(app: AppTest, workspace, schema: str, name: str) -> AppTest:
    app.session_state[key(workspace, f"/{schema}/{name}/")] = True
    return app.run()


def choose(app: AppTest, workspace, schema: str) -> AppTest:
    return app.selectbox(key=key(workspace, "_schema")).set_value(schema).run()


def find(app: AppTest, workspace, text: str) -> AppTest:
    return app.text_input(key=key(workspace, "_find")).set_value(text).run()


def write(app: AppTest, sql: str) -> AppTest:
    app.session_state["model_sql"] = {"value": sql}
    return app.run()


def read_completions(app: AppTest) -> dict[str, list[str]]:
    (editor,) = [part for part in app.get("bidi_component") if '"catalog"' in part.proto.json]
    return json.loads(editor.proto.json)["catalog"]


def test_schemas_come_first_then_tables_then_the_columns_of_the_one_that_is_opened(workspace, open_model):
    app = open_model()
    schemas = app.selectbox(key=key(workspace, "_schema"))
    assert (schemas.options, schemas.value) == (["payroll", "public", "sales"], "public")
    assert list_tables(app) == ["customers"]
    assert "`email`" not in read_plain(app)
    open_table(app, workspace, "public", "customers")
    assert "`email` :small[:gray[text]]" in read_plain(app)
    choose(app, workspace, "sales")
    assert list_tables(app) == [f"orders_{number:03}" for number in range(100)]
    open_table(app, workspace, "sales", "orders_007")
    shown = read_plain(app)
    assert "500 columns" in shown and "What was ordered in July" in shown
    assert "`column_3` :small[:gray[numeric(18,2)] · Net, in euro]" in shown
    assert "`column_199`" in shown and "`column_200`" not in shown and "The first 200 of 500 columns." in shown


def test_each_question_is_asked_once_over_one_connection_and_none_when_nothing_changes(
    workspace, open_model, warehouse_server
):
    with open_front(warehouse_server) as front:
        app = open_model(port=str(front.port))
        choose(app, workspace, "sales")
        open_table(app, workspace, "sales", "orders_001")
        asked = len(front.was_encrypted)
        front.cut()  # whoever asks now has to connect again
        for _ in range(3):
            app.run()
        choose(app, workspace, "public")
        choose(app, workspace, "sales")
        assert list_tables(app)[0] == "orders_000" and not app.error
        assert len(front.was_encrypted) == asked


def test_a_schema_that_may_not_be_used_shows_the_missing_grant_and_the_rest_stays_usable(
    workspace, open_model, form, warehouse_server
):
    app = choose(open_model(), workspace, "payroll")
    (error,) = app.error
    assert "may not use the schema payroll" in error.value.replace("\\", "")
    grant = f'GRANT USAGE ON SCHEMA "payroll" TO "{form.settings["user"]}";'
    (shown,) = [block.value for block in app.code if "GRANT" in block.value]
    assert shown.splitlines()[0] == grant
    assert read_completions(write(app, "SELECT 1 AS id"))["public.customers"] == []
    choose(app, workspace, "public")
    assert list_tables(app) == ["customers"] and not app.error
    with psycopg.connect(warehouse_server.url(form.settings["database"]), autocommit=True) as connection:
        connection.execute(shown.encode())
    choose(app, workspace, "payroll")
    assert len(app.error) == 1, "a refusal is remembered: the warehouse is not asked at every run"
    press(app, "Refresh")
    assert list_tables(app) == ["salaries"] and not app.error


def test_a_search_finds_tables_by_name_and_columns_once_they_are_read(workspace, open_model):
    app = choose(open_model(), workspace, "sales")
    find(app, workspace, "ORDERS_09")
    assert list_tables(app) == [f"orders_{number:03}" for number in range(90, 100)]
    find(app, workspace, "column_499")
    assert list_tables(app) == [] and "No table of sales has “column_499” in its name." in read_plain(app)
    press(app, "Search the columns of all 100 tables")
    assert len(list_tables(app)) == 100
    assert read_plain(app).count("`column_499`") == 5, "the first few are opened; the others can be"
    assert "Search the columns of all 100 tables" not in [button.label for button in app.button]
    find(app, workspace, "nowhere")
    assert "has “nowhere” in its name" in read_plain(app)


def test_the_editor_completes_what_is_known_and_reads_what_is_typed(workspace, open_model):
    app = open_model()
    known = read_completions(app)
    assert known == {"payroll": [], "public": [], "sales": [], "public.customers": []}
    known = read_completions(write(app, "SELECT * FROM customers"))
    assert known["public.customers"] == ["id", "email", "phone", "seen"]
    known = read_completions(write(app, "SELECT * FROM sales.ord"))
    assert [name for name in known if name.startswith("sales.")] == [
        f"sales.orders_{number:03}" for number in range(100)
    ]
    known = read_completions(write(app, "SELECT * FROM sales.orders_004 AS o"))
    assert len(known["sales.orders_004"]) == 500 and known["sales.orders_005"] == []
    write(app, "SELECT * FROM payroll.salaries")
    assert not app.error, "what cannot be read is told where somebody opens it"


def test_what_reaches_the_browser_stays_small_with_100_tables_of_500_columns(workspace, open_model):
    app = choose(open_model(), workspace, "sales")
    find(app, workspace, "column_4")
    press(app, "Search the columns of all 100 tables")
    find(app, workspace, "")
    write(app, "SELECT * FROM sales.orders_004")
    size = sum(len(part.proto.SerializeToString()) for part in app.main if getattr(part, "proto", None))
    assert size < SMALL_BYTES


def test_a_warehouse_that_is_away_says_so_beside_the_text_that_stays(workspace, visit, form, warehouse_server):
    guided.confirm(workspace)
    with open_front(warehouse_server) as front:
        Form(form.kind, form.settings | {"port": str(front.port)}, form.secrets).connect(workspace)
    app = write(visit("define_model.py"), "SELECT id FROM customers")
    assert len(app.error) == 1 and read_completions(app) == {}
    assert list_links(app)["Connect data warehouse"] == "connect-warehouse"
    assert get_setup(workspace).draft.sql == "SELECT id FROM customers"
