"""Select your data sources: step 1, chosen once and for good. The popup's Continue is pressed in the browser tests."""

from __future__ import annotations

from core.setup import guided_setup
from core.setup.guided_setup import WARNING_TITLE
from core.workspaces.workspace import request_access
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read_plain


def test_before_access_is_accepted_the_step_says_why_it_is_locked_and_links_home(visit):
    """W3."""
    app = visit("select_data_sources.py")
    assert "Step 1 is locked for now" in read_plain(app)
    assert "Request access first." in read_plain(app)
    assert list_links(app) == {"Getting started with Segment": ""}
    assert "Next" not in list_buttons(app)


def test_the_options_are_those_whose_parts_exist_below_the_warning_and_its_link(workspace, visit):
    """W9, W11, W12, W14."""
    request_access(workspace)
    app = visit("select_data_sources.py")
    assert app.radio[0].options == ["A data warehouse only", "A website or mobile app source"]
    assert WARNING_TITLE == "Unable to change data source selection after this step"
    assert WARNING_TITLE in app.warning[0].value
    assert list_links(app)["Add more sources after the setup, on Your Segment Overview"] == "overview"


def test_next_explains_how_the_source_connects_and_commits_to_nothing(workspace, visit):
    """W10, W13: until Continue the choice is open."""
    request_access(workspace)
    app = press(visit("select_data_sources.py"), "Next")
    assert "Segment reads your data warehouse; it does not copy it." in read_plain(app)
    assert list_buttons(app)["Continue"]
    setup = guided_setup.get_setup(workspace)
    assert (setup.branch, setup.confirmed) == ("warehouse", False)


def test_a_confirmed_choice_is_shown_read_only(workspace, visit):
    """W11, W13."""
    guided.confirm(workspace)
    app = visit("select_data_sources.py")
    assert "This choice is final." in read_plain(app)
    assert not app.radio
    assert list_links(app)["Go on to Add connections"] == ""


def test_a_choice_that_another_browser_confirmed_meanwhile_is_not_made_twice(workspace, visit):
    """W13: the second browser is told, and sees the step read-only."""
    request_access(workspace)
    app = visit("select_data_sources.py")
    guided.confirm(workspace)
    press(app, "Next")
    assert "changed in another browser" in read_plain(app)
    assert "This choice is final." in read_plain(app)
