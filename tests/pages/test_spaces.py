"""Spaces: none yet, one, two with a choice between them. What is pressed inside a popup is pressed elsewhere."""

from __future__ import annotations

from contextlib import suppress

from core.errors import StorageFull
from core.identity.rules import import_rules
from core.incidents import Incident
from core.profiles.build import rebuild
from core.profiles.connections import disconnect_source
from core.profiles.event_filters import list_filters, remove_filter
from core.profiles.failures import keeping_failure
from core.profiles.progress import name_reader, name_rebuild
from core.sources.store import create_source
from core.workspaces.spaces import connect_source, create_space, get_space, list_connected_sources
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, press, read, read_plain, read_table

PAGE = "spaces.py"


def test_before_the_setup_the_page_says_who_makes_the_first_space(visit: Visit) -> None:
    assert "The guided setup makes the first space" in read(visit(PAGE))


def test_a_space_is_renamed_connected_and_shows_its_rules(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    source = create_source(workspace, kind="http", name="Server")
    feed.identify("ada")
    feed.build()
    app = visit(PAGE)
    shown = read(app)
    assert "**1 profile** in `unified-profiles` (prod) · 1 of 2 spaces in use" in shown
    assert "`user_id`" in shown and "No merge was undone" in shown
    assert list_buttons(app)["Add space"] is True
    assert "Import rules" not in list_buttons(app)
    press(app, "Connect")
    assert source.id in list_connected_sources(workspace, feed.space_id)
    shop = create_source(workspace, kind="http", name="Shop")
    feed.identify("bob", source=shop.id)
    app = visit(PAGE)
    press(app, "Connect")
    assert "oldest first, not the last month alone: **1 event**." in read(app)
    app.text_input[0].set_value("People")
    press(app, "Save name")
    assert get_space(workspace, feed.space_id).name == "People"
    press(app, "Build all profiles again")
    assert "its profiles are built again from the event log, with the same ids" in read(app)
    rebuild(workspace, feed.space_id)
    app = visit(PAGE)
    assert "All profiles are being built again." in read(app)
    assert "Build all profiles again" not in list_buttons(app), "once is enough"
    feed.build()
    assert "Build all profiles again" in list_buttons(visit(PAGE))
    press(app, "Add space")
    assert [box.label for box in app.selectbox] == ["Kind", "Identity rules"]


def test_filters_are_written_with_what_they_would_drop_beside_them_removed_and_put_back(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    for number in range(3):
        feed.track(f"u{number}", "Paid" if number else "Heart <b>beat</b>")
    app = visit(PAGE)
    assert "0 of 10 filters are in use" in read(app)
    assert list_buttons(app)["Add filter"] is False
    app.text_input(key="filter_query").set_value("event == 'Paid'").run()
    assert "Column 8: expected a value, found =." in read_plain(app)
    assert list_buttons(app)["Add filter"] is False
    app.text_input(key="filter_query").set_value("contains(event, 'Heart')").run()
    assert "It would have dropped **1** of the newest 3 events that reach Unified profiles:" in read(app)
    assert list(read_table(app, "Event")["Event"]) == ["Heart <b>beat</b>"]
    app.text_input(key="filter_name").set_value("*Telemetry*")
    press(app, "Add filter")
    assert (app.text_input(key="filter_query").value, app.text_input(key="filter_name").value) == ("", "")
    (state,) = list_filters(workspace, feed.space_id)
    assert (state.filter.name, state.filter.query) == ("*Telemetry*", "contains(event, 'Heart')")
    dropped = feed.track("u9", "Heartbeat")
    feed.build()
    app = visit(PAGE)
    assert "Dropped 1 event · added" in read(app)
    assert r"**\*Telemetry\***" in read(app)
    press(app, "Remove …")
    assert "What it has dropped stays dropped" in read(app)
    debugger = visit("event_debugger.py", message=str(dropped), **{"as": "went"})
    assert "the event filter *Telemetry* dropped it" in read_plain(debugger)
    remove_filter(workspace, feed.space_id, state.filter.id)
    app = visit(PAGE)
    assert "0 of 10 filters are in use" in read(app)
    press(app, "Put back")
    assert [each.filter.id for each in list_filters(workspace, feed.space_id)] == [state.filter.id]


def test_a_source_is_disconnected_and_asked_from_when_it_counts_again(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    source = create_source(workspace, kind="http", name="Server")
    connect_source(workspace, feed.space_id, source.id)
    app = visit(PAGE)
    press(app, "Disconnect …")
    assert "What it brought stays on them, also when they are built again" in read(app)
    disconnect_source(workspace, feed.space_id, source.id)
    app = visit(PAGE)
    assert "Server · disconnected" in read(app)
    press(app, "Connect again …")
    assert app.radio[0].options == ["From now on", "With what came meanwhile"]


def test_with_two_spaces_every_page_shows_the_one_that_is_chosen(workspace: Workspace, visit: Visit) -> None:
    """W119."""
    feed = Feed(workspace)
    feed.identify("ada")
    feed.identify("null")
    feed.build()
    other = create_space(workspace, "Trials")
    import_rules(workspace, other.id, feed.space_id)
    app = visit(PAGE)
    assert list_buttons(app)["Add space"] is False
    app.sidebar.selectbox[0].set_value("trials").run()
    assert "**0 profiles** in `trials` (dev) · 2 of 2 spaces in use" in read(app)
    assert list_buttons(app)["Import rules"] is True
    app.switch_page("../pages/identity_violations.py").run()
    assert "No violations" in read(app)
    app.switch_page("../pages/delivery_overview.py").run()
    assert not app.error and "Nothing came in the last 24 hours" in read(app)
    table = read_table(visit("identity_violations.py", space="unified-profiles"), "What happened")
    assert len(table) == 2


def test_why_profiles_do_not_get_on_is_told_until_they_do(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    feed.identify("ada")
    feed.build()
    full = StorageFull("There is no room.", hint="Free some space.")
    with suppress(StorageFull), keeping_failure(workspace, name_reader(feed.space_id)):
        raise full
    for page in (PAGE, "profile_explorer.py"):
        shown = read(visit(page))
        assert "**Profiles are not kept up to date** since" in shown
        assert "**There is no room.**" in shown and "Free some space." in shown
        assert "mends profiles that can no longer be read" not in shown, "it makes no room"
    with suppress(Incident), keeping_failure(workspace, name_reader(feed.space_id)):
        raise ZeroDivisionError
    assert "mends profiles that can no longer be read" in read(visit(PAGE))
    feed.identify("bob")
    feed.build()
    assert "not kept up to date" not in read(visit(PAGE))
    rebuild(workspace, feed.space_id)
    with suppress(StorageFull), keeping_failure(workspace, name_rebuild(feed.space_id)):
        raise full
    app = visit(PAGE)
    assert "**All profiles are to be built again, and that failed.**" in read(app)
    assert "**There is no room.**" in read(app) and "not kept up to date" not in read(app)
    feed.build()
    assert "that failed" not in read(visit(PAGE))
