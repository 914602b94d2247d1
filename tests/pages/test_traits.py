"""The traits page: empty, filled, full, failing; the form with its preview; the history on a person's page."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import app_test

from core.clock import FixedClock, to_iso
from core.events.event_log import open_event_log
from core.events.history.close import close_next, delete_closed
from core.events.history.layout import history_folder
from core.setup.sql_traits import create_sql_traits, list_sql_traits
from core.syncs.engine import execute_run
from core.syncs.run import list_runs
from core.traits.computed_trait import TraitStatus
from core.traits.export import ExportLayout
from core.traits.store import add_recipes, create_trait, get_trait, list_traits
from core.warehouses.store import save_warehouse
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, press, read, read_plain, read_table

PAGE = "traits.py"


@pytest.fixture
def feed(workspace: Workspace) -> Feed:
    feed = Feed(workspace)
    feed.identify("ada", traits={"name": "Ada"})
    for user in ("ada", "ada", "bob"):
        feed.track(user, "Order Completed", {"total": 20, "page": {"url": "/hat"}})
    feed.build()
    return feed


def test_without_a_space_the_page_leads_to_the_guided_setup(visit: Visit) -> None:
    app = visit(PAGE)
    assert "There are no profiles yet" in read(app)


def test_a_trait_is_made_with_its_members_in_sight(workspace: Workspace, feed: Feed, visit: Visit) -> None:
    """W131: at least one member is shown, and what counts is said, before the trait can be made."""
    app = visit(PAGE)
    assert "0 of 2 computed traits in use" in read(app)
    assert "No computed trait yet" in read(app)
    press(app, "Create computed trait")
    assert "Choose the event it counts." in read(app)
    app.text_input(key="name_new_").set_value("Orders")
    app.selectbox(key="event_new__track").set_value("Order Completed").run()
    assert "2 people would have a value, from 3 track messages of “Order Completed” among all messages." in read(app)
    assert read_table(app, "Who").values.tolist() == [["Ada", "2"], ["bob", "1"]]
    press(app, "Add condition")
    app.selectbox(key="property_new__0").set_value("page.url")
    app.text_input(key="value_new__0").set_value("/shoe").run()
    assert "Nobody would have a value" in read(app)
    (create,) = [button for button in app.button if button.label == "Create trait"]
    assert create.disabled
    (tick,) = [each for each in app.checkbox if each.label.startswith("Make it all the same")]
    tick.check().run()
    assert list_buttons(app)["Create trait"]
    app.text_input(key="value_new__0").set_value("/HAT").run()
    press(app, "Create trait")
    (made,) = list_traits(workspace, feed.space_id)
    assert (made.key, made.status) == ("orders", TraitStatus.PREPARING)
    assert "Waits for the worker" in read_table(app, "Freshness")["Freshness"].tolist()
    feed.build()
    app = visit(PAGE)
    row = read_table(app, "Freshness").iloc[0].to_dict()
    assert (row["Status"], row["Have it"], row["Freshness"]) == ("Live", "2", "Up to date")
    assert "How many “Order Completed” events there were, where page.url equals /HAT." in read(app)


def test_a_trait_is_edited_disabled_and_deleted_and_a_third_is_refused(
    workspace: Workspace, feed: Feed, visit: Visit
) -> None:
    """W120: two computed traits."""
    definition = {"event": "Order Completed", "property": "total", "aggregate": "sum", "conditions": []}
    window = {"window": {"type": "session", "inactivity_minutes": 120}}
    trait = create_trait(
        workspace, feed.space_id, name="Spent", kind="aggregation", definition={**definition, **window}
    )
    add_recipes(workspace, feed.space_id, ["total_inbounds"])
    feed.track("ada", "Order Completed", {"total": 20}, timestamp=to_iso(datetime.now(UTC)))  # a page's clock is real
    feed.build()
    app = visit(PAGE, trait=trait.id)
    assert "2 of 2 computed traits in use" in read(app)
    (create,) = [button for button in app.button if button.label == "Create computed trait"]
    assert create.disabled
    press(app, "Disable")
    assert get_trait(workspace, trait.id).status is TraitStatus.DISABLED
    press(app, "Enable")
    press(app, "Edit")
    assert app.number_input(key=f"inactivity_{trait.id}").value == 2
    app.radio(key=f"window_{trait.id}").set_value("sliding").run()
    press(app, "Save changes")
    assert get_trait(workspace, trait.id).definition["window"] == {"type": "sliding", "days": 30}
    assert "Delete …" in list_buttons(app)


def test_the_file_of_a_trait_is_downloaded_in_the_layout_that_is_chosen(
    workspace: Workspace, feed: Feed, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[MediaFileManager] = []

    def keep_files(storage: MemoryMediaFileStorage) -> MediaFileManager:
        files.append(MediaFileManager(storage))  # AppTest makes one for each run, and forgets it
        return files[-1]

    monkeypatch.setattr(app_test, "MediaFileManager", keep_files)
    trait = create_trait(
        workspace, feed.space_id, name="Orders", kind="event_counter", definition={"event": "Order Completed"}
    )
    feed.build()
    app = visit(PAGE, trait=trait.id)
    app.radio(key=f"layout_{trait.id}").set_value(ExportLayout.COLUMNS).run()
    (button,) = app.download_button
    url = files[-1].execute_deferred(button.proto.deferred_file_id)
    file = files[-1]._storage.get_file(url.rsplit("/")[-1])  # type: ignore[attr-defined]
    assert (file.filename, file.mimetype) == ("orders.csv", "text/csv")
    assert file.content.decode() == "trait_key,trait_value,user_id_1\r\norders,2,ada\r\norders,1,bob\r\n"


def test_a_history_that_cannot_be_read_is_said_on_the_page_and_tried_again(
    workspace: Workspace, feed: Feed, visit: Visit, clock: FixedClock
) -> None:
    log = open_event_log(workspace)
    while close_next(log, clock.now().replace(year=2027)):
        pass
    for file in history_folder(log.path).glob("*.parquet"):
        file.write_bytes(b"damaged")
    delete_closed(log, clock.now().replace(year=2028))
    feed.track("ada", "Order Completed")
    trait = create_trait(
        workspace, feed.space_id, name="Orders", kind="event_counter", definition={"event": "Order Completed"}
    )
    feed.build()
    app = visit(PAGE, trait=trait.id)
    assert "missing or damaged" in read(app)
    assert get_trait(workspace, trait.id).status is TraitStatus.FAILED
    press(app, "Try again")
    assert get_trait(workspace, trait.id).status is TraitStatus.PREPARING


def test_a_person_s_page_tells_how_a_trait_came_about(workspace: Workspace, feed: Feed, visit: Visit) -> None:
    create_trait(workspace, feed.space_id, name="Orders", kind="event_counter", definition={"event": "Order Completed"})
    feed.build()
    app = visit("profile_explorer.py", id="user_id:ada", view="traits", trait="orders")
    (toggle,) = [toggle for toggle in app.toggle if "came about" in toggle.label]
    toggle.set_value(True).run()
    shown = read_plain(app)
    assert "Message #3 (track) from src_test. It counts in “Orders”." in shown
    assert shown.count("It counts in “Orders”") == 2


def test_traits_from_sql_are_checked_and_made_and_lead_to_their_sync(
    workspace: Workspace, feed: Feed, visit: Visit
) -> None:
    app = visit(PAGE, view="sql")
    assert "No traits from SQL yet" in read(app)
    assert "Connect a warehouse first" in read(app)
    with duckdb.connect(str(workspace.home.warehouses / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE people AS SELECT 'ada' AS id, 'gold' AS plan")
    save_warehouse(workspace, kind="duckdb", name="Shop", settings={"path": "shop.duckdb"})
    app = visit(PAGE, view="sql")
    app.text_input(key="sql_traits_name").set_value("Plans")
    app.text_area(key="sql_traits_sql_new").set_value("SELECT id, plan FROM people").run()
    press(app, "Check the query")
    assert "No column says whose a row is." in read(app)
    app.text_area(key="sql_traits_sql_new").set_value("SELECT id AS user_id, plan FROM people").run()
    press(app, "Check the query")
    assert "1 row by `user_id`, 1 trait: plan." in read(app)
    press(app, "Create traits")
    assert "Every 12 hours" in read(app)
    app = visit(PAGE, view="sql")
    assert read_table(app, "Traits").iloc[0].to_dict() | {"Last run": "", "Fresh at": ""} == {
        "Sync": "Plans",
        "Of": "people",
        "Traits": "plan",
        "Schedule": "Every 12 hours",
        "Last run": "",
        "Fresh at": "",
    }
    app.text_input(key="sql_traits_name").set_value("Seats")
    app.text_area(key="sql_traits_sql_new").set_value("SELECT 'acme' AS group_id, 7 AS seats").run()
    press(app, "Check the query")
    assert "1 row by `group_id`, 1 trait of accounts: seats." in read(app)
    press(app, "Create traits")
    assert list(read_table(visit(PAGE, view="sql"), "Traits")["Of"]) == ["people", "accounts"]


def test_traits_from_sql_are_changed_run_and_deleted_with_what_is_lost_in_sight(
    workspace: Workspace, feed: Feed, visit: Visit
) -> None:
    with duckdb.connect(str(workspace.home.warehouses / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE people AS SELECT 'ada' AS id, 'gold' AS plan, 7 AS seats")
    warehouse = save_warehouse(workspace, kind="duckdb", name="Shop", settings={"path": "shop.duckdb"})
    sql = "SELECT id AS user_id, plan, seats FROM people"
    sync = create_sql_traits(workspace, feed.space_id, name="Plans *", warehouse_id=warehouse.id, sql=sql)
    app = visit(PAGE, view="sql")
    assert app.code[0].value == sql and "Shop · by `user_id` · Every 12 hours" in read(app)
    press(app, "Edit")
    save = "Save changes"
    assert not list_buttons(app)[save]
    app.text_area(key=f"sql_traits_sql_{sync.id}").set_value("SELECT id AS user_id, plan FROM people").run()
    assert not list_buttons(app)[save]
    press(app, "Check the query")
    assert "No longer kept: seats. Their values stay as they are." in read(app)
    app.selectbox(key=f"sql_traits_interval_{sync.id}").set_value(60).run()
    press(app, save)
    assert "Shop · by `user_id` · Every hour" in read(app)
    assert list_sql_traits(workspace)[0].columns == ("plan",)
    press(app, "Run now")
    (run,) = list_runs(workspace, sync.id)
    app = visit(PAGE, view="sql")
    assert [list_buttons(app)[label] for label in ("Run now", "Edit", "Delete …")] == [False, True, False]
    execute_run(workspace, run.id)
    app = press(visit(PAGE, view="sql"), "Delete …")
    assert "**All values stay on the profiles**" in read(app)
    assert "Lost are the query, 1 run with what became of each row" in read(app)
