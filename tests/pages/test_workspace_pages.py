"""Overview, warehouses and settings: empty, filled and failing (W92, W99, W115-W122)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from core.destinations.store import list_destinations, set_destination_enabled
from core.events.event_log import open_event_log
from core.sources.store import disable_source, list_sources
from core.warehouses.store import list_warehouses, rename_warehouse, save_warehouse
from core.workspaces.audit import list_changes
from core.workspaces.retention import get_keep_days, set_keep_days
from core.workspaces.workspace import Workspace, get_workspace_info
from tests import guided
from tests.closed_days import append_days, close_all
from tests.pages.conftest import Visit
from tests.pages.reading import pick, press, read, read_table

PAGES = ("overview.py", "warehouses.py", "workspace_settings.py", "syncs.py", "profile_explorer.py")


def test_an_empty_workspace_has_nothing_but_explanations(visit: Visit) -> None:
    overview = read(visit("overview.py"))
    assert "No source yet" in overview and "No destination yet" in overview
    assert "0 of 5 used" in overview
    assert "No warehouse is connected yet" in read(visit("warehouses.py"))
    settings = read(visit("workspace_settings.py"))
    assert "Nobody has requested access" in settings
    assert "No change here" in settings


def test_the_overview_shows_sources_left_destinations_right_and_the_meter(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace)
    app = visit("overview.py")
    shown = read(app)
    assert {(metric.label, metric.value) for metric in app.metric} == {
        ("Profiles", "12"),
        ("Messages in the log", "12"),
        ("Syncs", "1"),
    }
    assert "12 messages · feeds profiles" in shown
    assert "can be neither disabled nor deleted" in shown
    assert "written by “Customers to profiles”" in shown
    assert "1 of 5 used" in shown and "2 of 2 used" in shown
    assert "None left." in shown


def test_a_disabled_source_and_destination_are_enabled_again_with_an_audit_entry(
    workspace: Workspace, visit: Visit
) -> None:
    guided.map_columns(workspace)
    (source,) = [source for source in list_sources(workspace) if not source.protected]
    (destination,) = list_destinations(workspace)
    app = visit("overview.py")
    next(button for button in app.button if button.key == f"disable_{source.id}").click().run()
    assert "no run of “Customers to profiles” is started until it is enabled again" in read(app)
    disable_source(workspace, source.id)
    set_destination_enabled(workspace, destination.id, False)
    app = visit("overview.py")
    for object_id in (source.id, destination.id):
        next(button for button in app.button if button.key == f"enable_{object_id}").click().run()
    assert [(change.action, change.object_type) for change in list_changes(workspace, limit=2)] == [
        ("enabled", "destination"),
        ("enabled", "source"),
    ]
    assert "Enable" not in [button.label for button in app.button]


def test_a_warehouse_shows_when_it_was_tested_is_tested_again_and_says_who_reads_it(
    workspace: Workspace, visit: Visit
) -> None:
    guided.define(workspace)
    (record,) = list_warehouses(workspace)
    app = visit("warehouses.py")
    shown = read(app)
    assert "last tested" in shown and "read by Customers" in shown
    (disconnect,) = [button for button in app.button if button.label == "Disconnect …"]
    assert disconnect.disabled
    press(app, "Test again")
    assert "Customers answers." in app.toast[0].value
    assert "last tested now" in read(app)
    (workspace.home.warehouses / guided.FILE).unlink()
    press(app, "Test again")
    assert "is gone" in app.error[0].value
    rename_warehouse(workspace, record.id, "Sales")
    assert "**Sales**" in read(visit("warehouses.py"))


def test_the_tables_of_a_warehouse_are_read_when_somebody_looks(workspace: Workspace, visit: Visit) -> None:
    guided.connect(workspace)
    (record,) = list_warehouses(workspace)
    app = visit("warehouses.py")
    assert not [box for box in app.expander if "customers" in box.label]
    app.session_state[f"tables_{record.id}"] = True
    app.run()
    (table,) = [box for box in app.expander if "customers" in box.label]
    app.session_state[table.proto.id.rpartition("-")[2]] = True
    app.run()
    assert "8 columns · about 12 rows" in read(app) and "`email` :small[:gray[VARCHAR]]" in read(app)


def test_own_files_become_a_warehouse_that_stands_among_the_others_with_its_report(
    workspace: Workspace, visit: Visit
) -> None:
    app = visit("warehouses.py")
    press(app, "Make the warehouse")
    assert "Give the warehouse a name" in app.warning[0].value
    app.text_input[0].set_value("Customers 2026")
    app.file_uploader[0].upload("people.csv", b"id,name\n001,Ada\n002,Grace\n", "text/csv")
    press(app, "Make the warehouse")
    assert [record.name for record in list_warehouses(workspace)] == ["Customers 2026"]
    shown = read(app)
    assert "**Customers 2026**" in shown and "nothing reads it yet" in shown
    assert "**people** · 2 rows · 2 columns" in shown
    assert "No warehouse is connected yet" not in shown


def test_a_warehouse_that_nothing_reads_can_be_disconnected(workspace: Workspace, visit: Visit) -> None:
    file = guided.make_warehouse_file(workspace)
    save_warehouse(workspace, kind="duckdb", name="Spare", settings={"path": file})
    app = visit("warehouses.py")
    press(app, "Disconnect …")
    assert "The data in it is not touched" in read(app)


def test_the_audit_trail_says_who_when_what_before_and_after(workspace: Workspace, visit: Visit) -> None:
    guided.map_columns(workspace)
    (source,) = [source for source in list_sources(workspace) if not source.protected]
    disable_source(workspace, source.id)
    app = visit("workspace_settings.py")
    trail = read_table(app, "Before → after")
    assert list(trail.iloc[0])[1:] == ["local", "Disabled source “Customers”", "enabled: yes → no"]
    assert "Created SQL model “Customers”" in list(trail["What"])
    assert "warehouse: Customers" in list(trail["Before → after"])
    (table,) = [table for table in app.dataframe if "Before → after" in table.value.columns]
    pick(app, table.key.removesuffix("_rows"), 0)
    assert [json.loads(document.value) for document in app.json] == [{"enabled": True}, {"enabled": False}]
    assert set(read_table(visit("workspace_settings.py", changed="sync"), "Who")["What"]) == {
        "Created sync “Customers to profiles”"
    }


def test_the_workspace_is_renamed_and_a_name_that_cannot_be_is_refused(workspace: Workspace, visit: Visit) -> None:
    app = visit("workspace_settings.py")
    app.text_input[0].set_value("  ")
    press(app, "Save name")
    assert "cannot have this name" in app.error[0].value
    app.text_input[0].set_value("Acme")
    press(app, "Save name")
    assert get_workspace_info(workspace).name == "Acme"


def test_settings_say_where_data_lives_and_how_large_it_is(workspace: Workspace, visit: Visit) -> None:
    guided.connect(workspace)
    app = visit("workspace_settings.py")
    assert str(workspace.home.root) in [code.value for code in app.code]
    parts = read_table(app, "Size").set_index("Where")["Size"]
    assert parts["workspace.db"].endswith("KB")
    assert parts["warehouse"] != "0 B"
    assert "Access to the guided setup is accepted." in read(app)


def test_events_are_deleted_only_after_a_person_was_told_how_many_and_agreed(
    workspace: Workspace, visit: Visit
) -> None:
    log = open_event_log(workspace)
    now = datetime.now(UTC)  # the page goes by the machine's clock
    append_days(log, [3, 4, 0, 5], start=datetime.combine(now.date() - timedelta(days=32), time(), UTC))
    close_all(log, now)
    app = visit("workspace_settings.py")
    assert "Every event is kept." in read(app)
    app.selectbox(key="keep_events").set_value(30).run()
    app.button(key="save_keep_events").click().run()
    assert "7 events now" in read(app)
    assert "Deleted events cannot be brought back" in read(app)
    assert app.button(key="confirm_agree").disabled
    assert get_keep_days(workspace) is None, "nothing is saved without the tick"
    assert len(log.read(0, 100)) == 12, "the worker deletes, not the page"


def test_events_are_kept_longer_without_a_question(workspace: Workspace, visit: Visit) -> None:
    set_keep_days(workspace, 45)
    app = visit("workspace_settings.py")
    assert "Events are deleted 45 days after" in read(app)
    app.selectbox(key="keep_events").set_value(0).run()
    app.button(key="save_keep_events").click().run()
    assert get_keep_days(workspace) is None
    assert "Every event is kept." in read(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_store_that_is_damaged_is_explained_on_every_page(workspace: Workspace, visit: Visit, page: str) -> None:
    workspace.close()
    for file in workspace.home.root.glob("workspace.db*"):
        file.unlink()
    workspace.home.workspace_db.write_bytes(b"not a database, and long enough to be looked at" * 200)
    app = visit(page)
    assert len(app.error) == 1
    assert "`store_unreadable`" in app.error[0].value
