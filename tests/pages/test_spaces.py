"""Spaces: none yet, one, two with a choice between them. What is pressed inside a popup is pressed elsewhere."""

from __future__ import annotations

from core.identity.rules import import_rules
from core.sources.store import create_source
from core.workspaces.spaces import create_space, get_space, list_connected_sources
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, press, read, read_table

PAGE = "spaces.py"


def test_before_the_setup_the_page_says_who_makes_the_first_space(visit: Visit) -> None:
    assert "The guided setup makes the first one" in read(visit(PAGE))


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
    app.text_input[0].set_value("People")
    press(app, "Save name")
    assert get_space(workspace, feed.space_id).name == "People"
    press(app, "Build all profiles again")
    assert "its profiles are built again from the event log, with the same ids" in read(app)
    press(app, "Add space")
    assert [box.label for box in app.selectbox] == ["Kind", "Identity rules"]


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
    table = read_table(visit("identity_violations.py", space="unified-profiles"), "What happened")
    assert len(table) == 2
