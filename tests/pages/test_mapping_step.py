"""Select mappings: columns onto pre-filled fields, a check over all rows, a test record, Create mapping."""

from __future__ import annotations

import json
import re
import time

from components import running_query
from core.events.event_log import open_event_log
from core.records import canonical_json
from core.setup import guided_setup
from core.setup.guided_setup import get_setup
from core.syncs.sync import get_sync, set_mode, set_schedule
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read_plain

PAGE = "select_mappings.py"
WAIT_S = 30
TIMES = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
ENDLESS_SQL = """
    SELECT 'c' || i AS id, 'a@example.com' AS email, '+14155550001' AS phone, 'pro' AS plan
    FROM range(30000000000) AS t(i)
"""


def run_on(app, text: str):
    """Run the page until a text is on it."""
    deadline = time.monotonic() + WAIT_S
    while text not in read_plain(app) and time.monotonic() < deadline:
        app.run()
    assert text in read_plain(app), read_plain(app)
    return app


def test_without_a_model_the_page_says_so_and_leads_there(workspace, visit):
    """W7, W31."""
    guided.connect(workspace)
    app = visit(PAGE)
    assert "There is no model to map yet" in read_plain(app)
    assert list_links(app)["Define Model"] == "define-model"


def test_the_fields_of_send_identify_are_pre_filled_and_nothing_can_be_created_yet(workspace, visit):
    """W32, W34, W109-W114."""
    guided.define(workspace)
    app = visit(PAGE)
    data = next(json.loads(part.proto.json) for part in app.get("bidi_component") if "engage_space" in part.proto.json)
    fields = [field["name"] for field in data["fields"]]
    assert fields == ["engage_space", "user_id", "anonymous_id", "group_id", "timestamp", "traits"]
    assert [entry["field"] for entry in data["entries"]] == ["engage_space"]
    assert list_buttons(app)["Create mapping"] is False
    assert "Neither User ID nor Anonymous ID is mapped." in read_plain(app)


def test_a_complete_mapping_is_checked_on_all_rows_shown_as_a_message_and_created(workspace, visit):
    """W33-W35, W109-W114."""
    setup = guided.define(workspace, rows=25)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    app = run_on(visit(PAGE), "Checked on all 25 rows: 25 can be sent, 0 would be rejected.")
    press(app, "Create mapping")
    assert app.title[0].value == "Getting started with Segment"
    after = get_setup(workspace)
    assert after.has_mapping
    sync = get_sync(workspace, after.sync_id)
    assert (sync.interval_minutes, str(sync.mode)) == (60, "upsert")


def test_a_column_that_vanished_is_named_and_holds_the_button_shut(workspace, visit):
    """W34: nothing is sent for a mapping that does not fit any more."""
    guided.map_columns(workspace)
    guided_setup.preview_sql(workspace, "SELECT id, email, phone FROM customers")
    guided_setup.define_sql_model(
        workspace, name="Customers", sql="SELECT id, email, phone FROM customers", key_column="id"
    )
    app = visit(PAGE)
    assert "plan" in read_plain(app)
    assert list_buttons(app)["Create mapping"] is False


def test_duplicate_keys_are_counted_as_rejected_with_their_reason(workspace, visit):
    setup = guided.define(workspace)
    guided.change_file(workspace, "INSERT INTO customers (id, email) VALUES ('c1', 'c1@example.com'), (NULL, 'x@y.z')")
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    app = run_on(visit(PAGE), "Checked on all 14 rows: 11 can be sent, 3 would be rejected.")
    assert list_buttons(app)["Create mapping"], "the rows that can be sent are not held up by the others"


def test_a_warehouse_that_is_gone_is_told_and_the_mapping_stays(workspace, visit):
    setup = guided.define(workspace)
    mapping = guided.make_mapping(setup.space_id)
    guided_setup.save_draft_mapping(workspace, mapping)
    (workspace.home.warehouses / guided.FILE).unlink()
    app = visit(PAGE)
    run_on(app, f"The warehouse file {guided.FILE} is gone.")
    assert get_setup(workspace).draft.mapping == mapping


def test_a_mapping_created_meanwhile_in_another_browser_is_not_overwritten_unseen(workspace, visit):
    setup = guided.define(workspace)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id, phone=None))
    app = run_on(visit(PAGE), "can be sent")
    guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id), interval_minutes=15)
    press(app, "Create mapping")
    assert "another browser" in read_plain(app)
    assert get_sync(workspace, get_setup(workspace).sync_id).interval_minutes == 15


def test_saving_a_mapping_again_takes_back_no_choice_made_on_the_syncs_page(workspace, visit):
    """W34."""
    guided.map_columns(workspace)
    sync_id = get_setup(workspace).sync_id
    set_mode(workspace, sync_id, "mirror")
    set_schedule(workspace, sync_id, 480)
    press(visit(PAGE), "Create mapping")
    sync = get_sync(workspace, sync_id)
    assert (sync.mode, sync.interval_minutes) == ("mirror", 480)


def test_a_check_that_takes_long_shows_its_time_and_its_time_out_and_cancel_stops_it(workspace, visit, monkeypatch):
    """W33: Cancel and a time-out on every query, while the rest of the page can be used."""
    monkeypatch.setattr(running_query, "QUICK_S", 0.4)
    setup = guided.define(workspace, ENDLESS_SQL)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    app = visit(PAGE)
    running = [bar.proto.text for bar in app.get("progress")]
    assert any(re.search(r"Looking for columns that fit · \d+ of 120 allowed seconds", text) for text in running), (
        running
    )
    assert any(re.search(r"Checking all rows · \d+ of 300 allowed seconds", text) for text in running), running
    assert list_buttons(app)["Create mapping"], "nobody has to wait for the check"
    app.button(key="query_suggestions_cancel").click().run()
    app.button(key="query_mapping_check_cancel").click().run()
    run_on(app, "The query was stopped. Run it again when you like.")
    deadline = time.monotonic() + WAIT_S
    while app.get("progress") and time.monotonic() < deadline:
        app.run()
    assert not app.get("progress")
    assert not app.error, "what a person asked for is no failure"
    assert "Checked on" not in read_plain(app)
    app.button(key="query_mapping_check_again").click().run()
    assert "Checking all rows" in app.get("progress")[0].proto.text
    app.button(key="query_mapping_check_cancel").click().run()


def open_test_record(app):
    app.session_state["test_record"] = True
    return app.run()


def test_the_test_record_shown_is_the_one_that_is_sent_apart_from_id_and_time(workspace, visit):
    """W113: the exact message, byte for byte as a sync would send it."""
    setup = guided.define(workspace)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    app = open_test_record(visit(PAGE))
    shown = json.loads(app.json[0].value)
    app.button(key="send_test_record").click().run()
    assert "Delivered. It is in the event debugger" in read_plain(app)
    (sent,) = open_event_log(workspace).search(source_id=setup.source_id)
    assert strip(shown) == strip(json.loads(sent.body))
    press(app, "Create mapping")
    guided.run_sync(workspace)
    synced = next(
        body
        for event in open_event_log(workspace).search(source_id=setup.source_id)
        if (body := json.loads(event.body))["userId"] == shown["userId"] and "test" not in origin_of(body)
    )
    assert canonical_json(strip(shown)) == canonical_json(strip(synced))


def origin_of(message):
    return message["context"]["reverseEtl"]


def strip(message):
    """Take off what differs from one sending to the next: ids and times of the sending, and the mark of a test."""
    kept = {name: value for name, value in message.items() if name not in ("messageId", *TIMES)}
    origin = {name: value for name, value in origin_of(message).items() if name not in ("test", "runId", "syncId")}
    return {**kept, "context": {**message["context"], "reverseEtl": origin}}


def test_nothing_can_be_sent_for_an_incomplete_mapping(workspace, visit):
    """W34, W110: the panel says so, and has no button."""
    setup = guided.define(workspace)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id).without("user_id"))
    app = open_test_record(visit(PAGE))
    assert "Complete the mapping first. Nothing is sent for an incomplete one." in read_plain(app)
    assert not app.json
    assert [button.label for button in app.button if "test" in button.label] == []
    assert open_event_log(workspace).last_offset() == 0
