"""Define Model: from an empty editor to a checked unique identifier, and everything that can refuse."""

from __future__ import annotations

import time

import pytest

from components import running_query
from core.setup import guided_setup
from core.setup.guided_setup import get_setup
from core.sql_models.sql_model import get_sql_model
from core.sql_models.templates import list_templates
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read_plain

SLOW_SQL = "SELECT count(*) AS id FROM range(30000000000) AS a(i), range(1000) AS b(j) WHERE i % 7 = j"
WAIT_S = 30


def write(app, sql: str):
    """Type into the SQL editor: what the browser reports 600 ms after the last key."""
    app.session_state["model_sql"] = {"value": sql}
    return app.run()


def run_on(app, text: str):
    """Run the page as its timer does, until a text is on it."""
    deadline = time.monotonic() + WAIT_S
    while text not in read_plain(app) and time.monotonic() < deadline:
        app.run()
    assert text in read_plain(app), read_plain(app)
    return app


def test_a_locked_step_explains_itself_and_leads_on(workspace, visit):
    """W7."""
    assert "Step 2 is locked for now" in read_plain(visit("define_model.py"))
    guided.confirm(workspace)
    app = visit("define_model.py")
    assert "There is no warehouse to ask yet" in read_plain(app)
    assert list_links(app)["Connect data warehouse"] == "connect-warehouse"


def test_an_empty_editor_offers_tables_and_samples(workspace, visit):
    """W29, W100-W106: a sample is taken with one press, and becomes the draft."""
    guided.connect(workspace)
    app = visit("define_model.py")
    assert "Write a query, or take one of the samples." in read_plain(app)
    assert any("customers" in box.label for box in app.expander)
    samples = list_templates("duckdb")
    assert [template.label for template in samples][:3] == [
        "Salesforce accounts",
        "Salesforce contacts",
        "Salesforce leads",
    ]
    assert "Only one phone field" in read_plain(app)
    app.button(key="sample_contacts").click().run()
    assert get_setup(workspace).draft.sql == samples[1].sql
    assert "Press Preview to see ten records." in read_plain(app)


def test_preview_shows_ten_records_every_column_and_the_proposed_identifier_then_next_leads_home(workspace, visit):
    """W29, W30, W38."""
    guided.connect(workspace, rows=25)
    app = write(visit("define_model.py"), guided.SQL)
    assert get_setup(workspace).draft.sql == guided.SQL
    press(app, "Preview")
    run_on(app, "`id` is unique and filled in all 25 rows.")
    assert len(app.dataframe[0].value) == 10
    assert "5 columns, counted over all 25 rows" in read_plain(app)
    assert app.selectbox(key="key_column").value == "id"
    press(app, "Next")
    assert app.title[0].value == "Getting started with Segment"
    assert get_sql_model(workspace, get_setup(workspace).sql_model_id).key_column == "id"


def test_a_new_browser_finds_the_text_its_preview_and_the_chosen_identifier(workspace, visit):
    """Refresh and restart continue in place."""
    guided.define(workspace, key_column="email")
    app = run_on(visit("define_model.py"), "is unique and filled")
    assert app.selectbox(key="key_column").value == "email"
    assert list_buttons(app)["Next"]


def test_a_changed_text_has_to_be_previewed_again(workspace, visit):
    """W30."""
    guided.define(workspace)
    app = write(visit("define_model.py"), f"{guided.SQL} LIMIT 3")
    assert "The SQL has changed since its preview." in read_plain(app)
    assert "Next" not in list_buttons(app)


REFUSED = {
    "DELETE FROM customers": "",
    "SELECT 1 AS id; SELECT 2 AS id": "",
    "WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone": "",
    "SELECT * FROM read_csv('/etc/passwd')": "this reads a file",
    "SELECT nosuchcolumn FROM customers": "nosuchcolumn",
    "SELEC id FROM customers": "",
    "SELECT id, id FROM customers": "id",
    f"SELECT {', '.join(f'1 AS c{n}' for n in range(600))} FROM customers": "600",
}


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:40])
def test_what_is_refused_is_explained_and_the_text_stays(workspace, visit, sql):
    guided.connect(workspace)
    app = write(visit("define_model.py"), sql)
    press(app, "Preview")
    deadline = time.monotonic() + WAIT_S
    while not app.error and time.monotonic() < deadline:
        app.run()
    assert REFUSED[sql] in app.error[0].value
    assert "Something went wrong in Onramp" not in app.error[0].value
    assert get_setup(workspace).draft.sql == sql
    assert "Next" not in list_buttons(app)


def test_no_rows_are_told_and_no_identifier_is_claimed_to_be_verified(workspace, visit):
    guided.connect(workspace)
    app = write(visit("define_model.py"), f"{guided.SQL} WHERE false")
    press(app, "Preview")
    run_on(app, "The query runs and returns no row.")
    assert not app.error


def test_duplicate_and_missing_keys_are_shown_not_only_counted(workspace, visit):
    """W30: the person sees the very rows."""
    guided.connect(workspace)
    guided.change_file(workspace, "INSERT INTO customers (id, email) VALUES ('c1', 'c1@example.com'), (NULL, 'x@y.z')")
    app = write(visit("define_model.py"), guided.SQL)
    press(app, "Preview")
    run_on(app, "No column is unique")
    app.selectbox(key="key_column").set_value("id").run()
    run_on(app, "2 rows share a value of `id` and 1 row has none.")
    assert list(app.dataframe[-1].value["id"]) == ["c1", "c1"]
    assert list_buttons(app)["Next"], "the rows that can be sent are not held up by those that cannot"


def test_a_running_query_shows_its_time_and_its_time_out_and_cancel_stops_it(workspace, visit, monkeypatch):
    """Cancel and a time-out on every query."""
    monkeypatch.setattr(running_query, "QUICK_S", 0.4)
    guided.connect(workspace)
    app = write(visit("define_model.py"), SLOW_SQL)
    press(app, "Preview")
    assert any("Running the query · 0 of 30 allowed seconds" in bar.proto.text for bar in app.get("progress")), app
    assert list_buttons(app)["Cancel"]
    press(app, "Cancel")
    run_on(app, "The query was stopped. Run it again when you like.")
    assert "Cancel" not in list_buttons(app)
    assert get_setup(workspace).draft.sql == SLOW_SQL
    write(app, guided.SQL)
    press(app, "Preview")
    run_on(app, "is unique and filled")


def test_without_its_file_the_text_can_still_be_read_and_the_way_to_another_warehouse_is_there(workspace, visit):
    guided.define(workspace)
    (workspace.home.warehouses / guided.FILE).unlink()
    app = visit("define_model.py")
    assert f"The warehouse file {guided.FILE} is gone." in read_plain(app)
    assert list_links(app)["Connect data warehouse"] == "connect-warehouse"
    assert app.get("bidi_component")[1].proto.json.find("SELECT id, email") > 0


def test_what_another_browser_typed_does_not_replace_what_was_typed_here(workspace, visit):
    guided.connect(workspace)
    app = write(visit("define_model.py"), "SELECT 1 AS mine")
    guided_setup.save_draft_sql(workspace, "SELECT 2 AS theirs")
    write(app, "SELECT 11 AS mine")
    assert "This was changed in another browser or tab while you were editing it." in read_plain(app)
    assert "SELECT 2 AS theirs" in [block.value for block in app.code]
    assert get_setup(workspace).draft.sql == "SELECT 2 AS theirs", "nothing is overwritten before the person chooses"
    press(app, "Keep mine")
    assert get_setup(workspace).draft.sql == "SELECT 11 AS mine"
    app.run()
    assert "another browser" not in read_plain(app)


def test_the_text_of_another_browser_can_be_taken_instead(workspace, visit):
    guided.connect(workspace)
    app = write(visit("define_model.py"), "SELECT 1 AS mine")
    guided_setup.save_draft_sql(workspace, "SELECT 2 AS theirs")
    press(app.run(), "Take the other one")
    assert get_setup(workspace).draft.sql == "SELECT 2 AS theirs"
    assert app.session_state["model_sql"]["value"] == "SELECT 2 AS theirs"


def test_where_nothing_was_typed_here_the_page_follows_the_other_browser(workspace, visit):
    guided.connect(workspace)
    app = visit("define_model.py")
    guided_setup.save_draft_sql(workspace, "SELECT 2 AS theirs")
    app.run()
    assert "while you were editing" not in read_plain(app)
    assert "SELECT 2 AS theirs" in app.get("bidi_component")[1].proto.json


def test_a_model_saved_meanwhile_in_another_browser_is_not_overwritten_unseen(workspace, visit):
    """The first press says so; the second is deliberate."""
    guided.connect(workspace)
    app = write(visit("define_model.py"), guided.SQL)
    press(app, "Preview")
    run_on(app, "is unique and filled")
    app.text_input[-1].set_value("Mine")
    guided_setup.define_sql_model(workspace, name="Theirs", sql=guided.SQL, key_column="email")
    press(app, "Next")
    assert "this change was not saved" in read_plain(app)
    assert get_setup(workspace).sql_model_name == "Theirs"
    press(app, "Next")
    assert get_setup(workspace).sql_model_name == "Mine"


def test_what_a_time_without_a_zone_means_is_told_below_the_preview(workspace, visit):
    guided.connect(workspace)
    app = write(visit("define_model.py"), "SELECT id, TIMESTAMP '2026-11-01 08:00:00' AS seen FROM customers")
    press(app, "Preview")
    run_on(app, "The times of `seen` name no time zone and count as UTC")
