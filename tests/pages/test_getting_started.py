"""Getting started with Segment: the gate, the tiles, the connections, the ways on."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from core.setup import guided_setup
from core.setup.guided_setup import Step, run_setup_checks
from core.workspaces.workspace import request_access
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read_plain


def test_a_stranger_meets_the_gate_and_what_is_included_before_anything_else(visit):
    """W1, W2, W3, W5: nothing of the setup is offered before access is accepted."""
    app = visit("getting_started.py")
    assert app.title[0].value == "Getting started with Segment"
    assert list_buttons(app) == {"Request access": True}
    assert list_links(app)["What the workspace includes: entitlements and limitations"] == "workspace-settings"
    press(app, "Request access")
    assert "Step 1" in read_plain(app)


def test_where_somebody_has_to_accept_the_gate_stays_shut_and_says_who_opens_it(visit, monkeypatch):
    """W3."""
    monkeypatch.setenv("ONRAMP_ACCESS", "manual")
    app = press(visit("getting_started.py"), "Request access")
    assert "Access is requested." in read_plain(app)
    assert list_buttons(app) == {"Look again": True}
    assert "Step 1" not in read_plain(app)


def test_the_four_tiles_stand_in_order_and_locked_ones_explain_themselves(workspace, visit):
    """W6, W7."""
    request_access(workspace)
    app = visit("getting_started.py")
    assert list_buttons(app) == {
        "Select data sources": True,
        "Add connections": False,
        "Add identifiers and traits": False,
        "Check configuration": False,
    }
    assert read_plain(app).count("Complete step 1, Select data sources, first.") == 3


def test_the_connections_follow_each_other_and_the_tile_leads_to_the_first_open_one(workspace, visit):
    """W17-W19, W24, W28, W31, W38: only the sections of the chosen branch are shown."""
    guided.connect(workspace)
    app = visit("getting_started.py")
    assert "more data sources can be added after the setup" in read_plain(app)
    assert "Customers is connected." in read_plain(app)
    buttons = list_buttons(app)
    assert (buttons["Define Model"], buttons["Create Mapping"]) == (True, False)
    assert "Salesforce" not in read_plain(app)
    press(app, "Add connections")
    assert app.title[0].value == "Define Model"


def test_when_every_connection_is_made_the_tile_is_complete_and_the_button_leads_on(workspace, visit):
    """W20, W35."""
    guided.map_columns(workspace)
    app = visit("getting_started.py")
    assert guided_setup.get_setup(workspace).get_tile(Step.CONNECTIONS).state == "complete"
    app.button(key="go_identifiers").click().run()
    assert app.title[0].value == "Add identifiers and traits"


def test_a_complete_setup_leaves_one_main_button_fewer_and_every_step_open_to_look_at(workspace, visit):
    guided.add_identifiers_and_traits(workspace)
    guided_setup.run_setup_checks(workspace)
    app = visit("getting_started.py")
    assert [button.label for button in app.button].count("Look at it again") == 3
    assert "go_identifiers" not in [button.key for button in app.button]


def test_a_setup_that_passed_its_checks_says_what_comes_next(workspace, visit):
    following = {
        "Find a customer": "profile-explorer",
        "See what was delivered": "syncs",
        "Watch events arrive": "event-debugger",
    }
    guided.add_identifiers_and_traits(workspace)
    assert not following.keys() & list_links(visit("getting_started.py")).keys()
    run_setup_checks(workspace)
    assert following.items() <= list_links(visit("getting_started.py")).items()


def test_the_page_ends_with_the_cards_of_the_overview_and_of_an_existing_workspace(workspace, visit):
    """W4, W126; W2: the entitlements can be reached from every state of the page."""
    cards = {"Unified Profiles Overview", "Connect an Existing Workspace to Flex", "Entitlements and limitations"}
    assert cards <= set(list_links(visit("getting_started.py")))
    guided.confirm(workspace)
    assert cards <= set(list_links(visit("getting_started.py")))


def test_a_workspace_without_a_space_is_told_to_use_the_guided_setup(visit):
    """W4."""
    app = visit("connect_existing_workspace.py")
    assert "no profile space yet" in read_plain(app)
    assert "Getting started with Segment" in list_links(app)


def test_an_existing_workspace_shows_what_flex_needs_of_it(workspace, visit):
    """W4, W129."""
    setup = guided.connect(workspace)
    app = visit("connect_existing_workspace.py")
    assert [block.value for block in app.code] == [setup.space_id, "unified-profiles"]
    assert "Fed by: Customers, Flex events" in read_plain(app)
    assert {"Warehouses", "Syncs", "Event debugger"} <= set(list_links(app))


def test_a_store_that_fails_is_explained_instead_of_a_broken_page(workspace, visit):
    app = visit("getting_started.py")
    with closing(sqlite3.connect(workspace.home.workspace_db)) as store:
        store.execute("ALTER TABLE workspaces RENAME TO taken_away")
    app.run()
    assert not app.exception
    assert app.error
    assert "no such table" not in read_plain(app)
