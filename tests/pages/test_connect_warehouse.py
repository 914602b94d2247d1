"""Connect data warehouse: the kinds that work, the demo data, a person's own files, and what can go wrong."""

from __future__ import annotations

import shutil

import pytest

from core.samples.demo import DEMO_FILE
from core.setup import guided_setup
from core.setup.entitlements import Entitled, get_usage
from core.warehouses.registry import DEFINITIONS
from core.warehouses.store import list_warehouses
from tests import guided
from tests.pages.reading import list_links, press, read_plain

BROKEN_CSV = b'id,name\n1,Ada\n2,"Grace" Hopper,too many\n3,Alan\n'
FILES = {
    "a broken row": (BROKEN_CSV, "1 rejected row of customers.csv"),
    "a byte order mark": ("id,name\n1,Zoë\n".encode("utf-8-sig"), "UTF-8"),
    "Latin-1": ("id,name\n1,Zoë\n2,Jürgen\n".encode("latin-1"), "Windows-1252"),
    "no header": (b"1,Ada\n2,Grace\n3,Alan\n", "header"),
}


def test_a_locked_step_explains_itself_and_leads_to_step_1(workspace, visit):
    """W7."""
    guided.request_access(workspace)
    app = visit("connect_warehouse.py")
    assert "Complete step 1, Select data sources, first." in read_plain(app)
    assert list_links(app) == {"Go to step 1, Select data sources": "select-data-sources"}


def test_the_list_shows_the_warehouses_that_work(workspace, visit):
    """W25, W41."""
    guided.confirm(workspace)
    app = visit("connect_warehouse.py")
    assert app.radio[0].options == [definition.label for definition in DEFINITIONS]
    press(app, "Next")
    assert app.query_params["kind"] == "duckdb"  # the demo data needs no account anywhere


def test_save_tests_and_connects_and_only_then_next_leads_on(workspace, visit):
    """W26, W27, W38: Save and Next are two things."""
    guided.connect(workspace)
    app = visit("connect_warehouse.py", change="1", kind="duckdb")
    app.radio(key="warehouse_data").set_value(list_warehouses(workspace)[0].id).run()
    press(app, "Save")
    assert "Customers is connected." in read_plain(app)
    press(app, "Next")
    assert app.title[0].value == "Getting started with Segment"


def test_the_demo_data_is_connected_under_the_name_that_was_typed(workspace, visit):
    """W26."""
    guided.confirm(workspace)
    guided.make_warehouse_file(workspace, file=DEMO_FILE)  # stands in for the 20,000 customers, which take seconds
    app = visit("connect_warehouse.py", kind="duckdb")
    app.text_input[0].set_value("  Our *customers*  ")
    press(app, "Save")
    assert [record.name for record in list_warehouses(workspace)] == ["Our *customers*"]
    assert "Our *customers* is connected." in read_plain(app)


def test_a_home_that_cannot_be_written_is_named_and_nothing_is_saved(workspace, visit):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="duckdb")
    folder = workspace.home.warehouses
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was: nobody, not even root, can write into it")
    press(app, "Save")
    assert "The demo warehouse cannot be written" in read_plain(app)
    assert "try again" in read_plain(app)
    assert not guided_setup.get_setup(workspace).has_warehouse
    assert list_warehouses(workspace) == []


def test_a_file_that_is_no_warehouse_is_refused_with_a_sentence_and_nothing_is_saved(workspace, visit):
    """W27."""
    guided.confirm(workspace)
    (workspace.home.warehouses / DEMO_FILE).write_bytes(b"PK\x03\x04 a spreadsheet, renamed")
    app = press(visit("connect_warehouse.py", kind="duckdb"), "Save")
    assert len(app.error) == 1
    assert list_warehouses(workspace) == []


def test_a_connected_warehouse_can_be_tested_again_and_a_vanished_file_is_told(workspace, visit):
    guided.connect(workspace)
    app = press(visit("connect_warehouse.py"), "Test the connection again")
    assert "The warehouse answers" in read_plain(app)
    (workspace.home.warehouses / guided.FILE).unlink()
    press(app, "Test the connection again")
    assert f"The warehouse file {guided.FILE} is gone." in read_plain(app)
    press(app, "Choose another warehouse")
    assert app.radio[0].label == "Available warehouses"


def test_the_sixth_source_is_refused_in_a_sentence_that_names_the_limit(workspace, visit):
    """W115, W122."""
    guided.confirm(workspace)
    guided.make_warehouse_file(workspace, file=DEMO_FILE)
    for number in range(get_usage(workspace, Entitled.SOURCES).limit):
        file = guided.make_warehouse_file(workspace, file=f"other_{number}.duckdb")
        guided_setup.connect_warehouse(workspace, kind="duckdb", name=f"Other {number}", settings={"path": file})
    app = press(visit("connect_warehouse.py", kind="duckdb", change="1"), "Save")
    assert "This workspace may have 5" in read_plain(app)
    assert "Demo warehouse" not in [record.name for record in list_warehouses(workspace)]


@pytest.mark.parametrize("case", FILES)
def test_an_uploaded_csv_becomes_the_warehouse_and_what_was_odd_about_it_is_told(workspace, visit, case):
    data, told = FILES[case]
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="duckdb")
    app.radio(key="warehouse_data").set_value("upload").run()
    app.text_input[0].set_value("Customers 2026")
    app.file_uploader[0].upload("customers.csv", data, "text/csv")
    press(app, "Make the warehouse")
    assert "Customers 2026 is connected." in read_plain(app)
    assert told in read_plain(app) + " ".join(box.label for box in app.expander), read_plain(app)


def test_the_rejected_rows_of_an_upload_are_shown_with_line_and_reason(workspace, visit):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="duckdb")
    app.radio(key="warehouse_data").set_value("upload").run()
    app.text_input[0].set_value("Customers")
    app.file_uploader[0].upload("customers.csv", BROKEN_CSV, "text/csv")
    press(app, "Make the warehouse")
    (rejected,) = app.dataframe[0].value.to_dict("records")
    assert (rejected["line"], "Grace" in rejected["text"], bool(rejected["reason"])) == (3, True, True)


def test_an_upload_without_a_name_or_a_file_says_what_is_missing(workspace, visit):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="duckdb")
    app.radio(key="warehouse_data").set_value("upload").run()
    press(app, "Make the warehouse")
    assert "Give the warehouse a name and choose at least one file." in read_plain(app)


def test_another_browser_that_connected_first_is_announced_and_a_second_press_keeps_what_was_typed(workspace, visit):
    """W26: the first browser's name is not lost; pressing again is deliberate."""
    guided.confirm(workspace)
    guided.make_warehouse_file(workspace, file=DEMO_FILE)
    guided.make_warehouse_file(workspace)
    app = visit("connect_warehouse.py", kind="duckdb", change="1")
    app.text_input[0].set_value("Mine")
    guided_setup.connect_warehouse(workspace, kind="duckdb", name="Theirs", settings={"path": guided.FILE})
    press(app, "Save")
    assert "this change was not saved" in read_plain(app)
    assert app.text_input[0].value == "Mine"
    assert [record.name for record in list_warehouses(workspace)] == ["Theirs"]
    press(app, "Save")
    assert "Mine is connected." in read_plain(app)
