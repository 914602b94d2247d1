"""The syncs page: empty, filled and failing, without a browser."""

from __future__ import annotations

import pytest

from components.progress import Progress
from components.sync_view import read_progress
from core.destinations.store import set_destination_enabled
from core.errors import IllegalTransition
from core.sources.store import disable_source
from core.storage.lease import hold_lease
from core.syncs.engine import execute_run
from core.syncs.records import get_records_path
from core.syncs.run import RunState, SyncRun, get_run, list_runs, request_cancel, request_run, update_run
from core.syncs.sync import Sync, get_sync, list_syncs, set_mode
from core.workspaces.workspace import Workspace
from tests import guided
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, list_links, pick, press, read, read_table

PAGE = "syncs.py"


def only_sync(workspace: Workspace) -> Sync:
    (sync,) = list_syncs(workspace)
    return sync


def test_without_a_sync_the_page_leads_to_the_guided_setup(visit: Visit) -> None:
    app = visit(PAGE)
    assert "There is no sync yet" in read(app)
    press(app, "Go to the guided setup")
    assert "Getting started" in read(app)


def test_a_sync_that_never_ran_says_what_it_does_and_how_to_start_it(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    app = visit(PAGE)
    assert "Every hour" in read(app)
    assert "No run yet" in read(app)
    press(app, "Sync now")
    (run,) = list_runs(workspace)
    assert (run.state, run.trigger) == (RunState.QUEUED, "manual")
    assert "Waiting to start" in [bar.proto.text for bar in app.get("progress")]
    (start,) = [button for button in app.button if button.label == "Sync now"]
    assert start.disabled


def test_a_run_shows_its_sheet_its_reasons_and_its_records_by_outcome_and_reason(
    workspace: Workspace, visit: Visit
) -> None:
    guided.map_columns(workspace)
    set_mode(workspace, only_sync(workspace).id, "upsert")
    guided.run_sync(workspace)
    guided.change_file(workspace, "DELETE FROM customers WHERE id = 'c1'")
    guided.change_file(workspace, "UPDATE customers SET plan = 'gold' WHERE id = 'c2'")
    guided.change_file(workspace, "INSERT INTO customers SELECT * FROM customers WHERE id = 'c3'")
    guided.change_file(workspace, "INSERT INTO customers (id, email) VALUES (NULL, 'nobody@example.com')")
    run = guided.run_sync(workspace)
    assert run.state is RunState.PARTLY_SUCCEEDED

    app = visit(PAGE)
    shown = read(app)
    assert "Partially successful" in shown
    assert "13 extracted = 1 delivered + 9 unchanged + 3 rejected + 0 held back." in shown
    assert "0 were added and 1 updated" in shown
    assert "no longer returns: 1 held back" in shown
    reasons = read_table(app, "Code").set_index("Code")["Records"].to_dict()
    assert reasons == {"record_duplicate": 2, "record_null_unique_id": 1, "mode_excludes_deleted": 1}
    assert len(read_table(app, "Key")) == 5

    by_reason = visit(PAGE, reason="record_duplicate")
    assert list(read_table(by_reason, "Key")["Key"]) == ["c3", "c3"]
    held = visit(PAGE, outcome="held")
    assert list(read_table(held, "Key")["Reason"]) == ["The sync's mode leaves out deleted records."]
    by_payload = visit(PAGE, records_text="GOLD")
    assert list(read_table(by_payload, "Key")["Outcome"]) == ["Delivered"]
    (table,) = [table for table in by_payload.dataframe if "Key" in table.value.columns]
    pick(by_payload, table.key.removesuffix("_rows"), 0)
    assert '"gold"' in by_payload.json[0].value
    assert "No record matches" in read(visit(PAGE, records_text="never"))


def test_another_run_is_shown_when_a_person_picks_it_and_an_unknown_one_falls_back(
    workspace: Workspace, visit: Visit
) -> None:
    guided.map_columns(workspace)
    first = guided.run_sync(workspace)
    guided.run_sync(workspace)
    app = visit(PAGE)
    assert "12 unchanged" in read(app)
    pick(app, "runs", 1)
    assert "12 delivered" in read(app)
    assert app.query_params["run"] == first.id
    assert "no such run" in read(visit(PAGE, run="run_of_another_sync"))


def test_a_run_that_failed_says_why_and_what_to_do(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    guided.change_file(workspace, "ALTER TABLE customers DROP COLUMN plan")
    assert guided.run_sync(workspace).state is RunState.FAILED
    app = visit(PAGE)
    assert "Failed" in read(app)
    (error,) = app.error
    assert "plan" in error.value
    assert "`" in error.value.splitlines()[-1]
    assert not [table for table in app.dataframe if "Key" in table.value.columns]


def test_records_that_cannot_be_read_are_explained_and_the_sheet_stays(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    get_records_path(workspace, guided.run_sync(workspace).id).write_bytes(b"broken")
    app = visit(PAGE)
    assert "12 extracted" in read(app)
    assert "The records of this run cannot be read" in app.error[0].value


def test_while_another_process_is_at_work_comparing_says_so(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    app = visit(PAGE, view="plan")
    with hold_lease(workspace.database, f"sync:{only_sync(workspace).id}"):
        press(app, "Compare now")
        assert "is being worked on by another process" in app.error[0].value
    press(app, "Compare now")
    assert not app.error
    assert [(metric.label, metric.value) for metric in app.metric][:1] == [("Added", "12")]


def test_the_bar_moves_with_the_counts_that_the_engine_writes(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    sync = only_sync(workspace)
    seen: list[SyncRun] = []
    execute_run(workspace, request_run(workspace, sync.id).id, progress=seen.append)
    delivering = [read_progress(run) for run in seen if run.state is RunState.DELIVERING]
    assert delivering[0] == Progress("In progress · delivering", 0, 12)
    last = read_progress(seen[-1])
    assert (last.is_finished, seen[-1].progress["done"], seen[-1].progress["due"]) == (True, 12, 12)
    half = seen[-1].progress | {"done": 6}
    update_run(workspace, seen[-1].id, state=RunState.DELIVERING, progress=half)
    assert read_progress(get_run(workspace, seen[-1].id)) == Progress("In progress · delivering", 6, 12)


def test_a_going_run_can_be_cancelled_and_says_that_it_is_cancelling(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    run = request_run(workspace, only_sync(workspace).id)
    update_run(workspace, run.id, state=RunState.DELIVERING, progress={"due": 12, "done": 6})
    app = visit(PAGE)
    assert [bar.proto.text for bar in app.get("progress")] == ["In progress · delivering · 6 of 12 records"]
    press(app, "Cancel sync")
    assert get_run(workspace, run.id).is_cancelling
    assert [bar.proto.text for bar in app.get("progress")] == ["Cancelling · 6 of 12 records"]
    assert "comes up again in the next run" in read(app)
    assert "Cancel sync" not in [button.label for button in app.button]
    execute_run(workspace, run.id)
    with pytest.raises(IllegalTransition):
        request_cancel(workspace, run.id)


def test_a_schedule_is_saved_and_taken_back(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    sync = only_sync(workspace)
    app = visit(PAGE, view="settings")
    (schedule,) = [box for box in app.selectbox if "Schedule" in box.label]
    schedule.set_value(1440).run()
    press(app, "Save schedule")
    assert get_sync(workspace, sync.id).interval_minutes == 1440
    assert "Every hour → Every day" in read(app)
    press(app, "Undo")
    assert get_sync(workspace, sync.id).interval_minutes == sync.interval_minutes == 60
    assert "Every hour → Every day" not in read(app)


def test_which_records_are_sent_is_changed_with_its_consequence_in_words(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    sync = only_sync(workspace)
    set_mode(workspace, sync.id, "upsert")
    app = visit(PAGE, view="settings")
    app.radio[0].set_value("add").run()
    press(app, "Save which records")
    assert get_sync(workspace, sync.id).mode == "add"
    app.radio[0].set_value("mirror").run()
    press(app, "Save which records")
    assert get_sync(workspace, sync.id).mode == "add"
    assert "Cleared traits come back only when the row does." in read(app)


def test_a_reset_asks_first(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    guided.run_sync(workspace)
    app = visit(PAGE, view="settings")
    press(app, "Reset sync …")
    assert "sends every row of the SQL model again" in read(app)
    assert app.checkbox[0].label == "I understand what happens when I reset a sync state"
    (agree,) = [button for button in app.button if button.label == "Reset sync"]
    assert agree.disabled
    unchanged = guided.run_sync(workspace).sheet
    assert unchanged is not None
    assert unchanged.unchanged == 12


def test_after_an_empty_result_deleting_everything_is_asked_for(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    set_mode(workspace, only_sync(workspace).id, "mirror")
    guided.run_sync(workspace)
    guided.change_file(workspace, "DELETE FROM customers")
    guided.run_sync(workspace)
    app = visit(PAGE)
    assert "12 deletions were held back" in app.warning[0].value
    press(app, "Delete them …")
    assert "12 records would be deleted." in [warning.value for warning in app.warning]


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_sync_with_a_disabled_end_says_that_it_is_paused_and_why_and_leads_there(
    workspace: Workspace, visit: Visit, end: str
) -> None:
    guided.map_columns(workspace)
    sync = only_sync(workspace)
    if end == "source":
        disable_source(workspace, sync.source_id)
    else:
        set_destination_enabled(workspace, sync.destination_id, False)
    app = visit(PAGE)
    name = "Customers" if end == "source" else "Segment Profiles"
    assert f"Paused because the {end} “{name}” is disabled." in app.info[0].value
    assert f"Enable the {end} on Your Segment Overview" in list_links(app)
    assert "next run" not in read(app)
    assert list_buttons(app)["Sync now"] is False


def test_a_disabled_sync_cannot_be_started(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    app = visit(PAGE)
    app.toggle[0].set_value(False).run()
    assert not only_sync(workspace).enabled
    (start,) = [button for button in app.button if button.label == "Sync now"]
    assert start.disabled
