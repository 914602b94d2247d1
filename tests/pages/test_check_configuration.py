"""Check configuration: step 4, and the way back to Flex."""

from __future__ import annotations

from core.setup import guided_setup
from core.setup.guided_setup import get_setup
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read_plain

PAGE = "check_configuration.py"
CHECK = "Enable Sources and Test Connections"


def list_addresses(app):
    return {button.proto.label: button.proto.url for button in app.get("link_button")}


def test_the_locked_step_says_what_is_missing_and_links_there(workspace, visit):
    """W7."""
    guided.map_columns(workspace)
    app = visit(PAGE)
    assert "Step 4 is locked for now" in read_plain(app)
    assert list_links(app) == {"Go to step 3, Add identifiers and traits": "identifiers-and-traits"}
    assert CHECK not in list_buttons(app)


def test_before_the_first_check_there_is_one_button_and_no_way_back_to_flex(workspace, visit):
    """W83, W84, W87."""
    guided.add_identifiers_and_traits(workspace)
    app = visit(PAGE)
    assert list_buttons(app) == {CHECK: True}
    assert list_addresses(app) == {}


def test_a_check_that_passes_completes_the_step_and_opens_the_way_back_to_flex(workspace, visit):
    """W84-W87."""
    guided.add_identifiers_and_traits(workspace)
    app = press(visit(PAGE), CHECK)
    assert "Everything is connected. Step 4 is complete." in read_plain(app)
    assert list_addresses(app) == {"Return to Flex": "https://flex.twilio.com/admin"}
    assert get_setup(workspace).is_complete


def test_the_tools_for_troubleshooting_stand_below_with_their_caution(workspace, visit):
    """W89-W92."""
    guided.add_identifiers_and_traits(workspace)
    app = press(visit(PAGE), CHECK)
    assert "Additional Troubleshooting Tools" in read_plain(app)
    assert list(list_links(app).items())[-3:] == [
        ("Event Debugger", "event-debugger"),
        ("Profile Explorer", "profile-explorer"),
        ("Advanced Segment", "overview"),
    ]
    assert "Recommended only together with Professional Services." in read_plain(app)


def test_a_check_that_fails_comes_first_with_cause_and_fix_and_keeps_the_way_back_shut(workspace, visit):
    """W85, W87, W89."""
    guided.add_identifiers_and_traits(workspace)
    (workspace.home.warehouses / guided.FILE).unlink()
    app = press(visit(PAGE), CHECK)
    assert "Some checks failed." in read_plain(app)
    assert list_addresses(app) == {}
    shown = read_plain(app)
    assert shown.index("The warehouse accepts the connection") < shown.index("Sources are enabled")
    assert f"The warehouse file {guided.FILE} is gone." in read_plain(app)
    assert "Not checked: repair C2, “The warehouse accepts the connection”, first." in shown
    assert shown.count("Failed · ") == 1, "what waits for C2 has not failed"
    assert "How to fix it: " in shown
    assert "Event Debugger" in list_links(app)


def test_after_the_repair_the_same_button_completes_the_step(workspace, visit):
    """W85."""
    guided.add_identifiers_and_traits(workspace)
    path = workspace.home.warehouses / guided.FILE
    hidden = path.rename(path.with_suffix(".away"))
    app = press(visit(PAGE), CHECK)
    hidden.rename(path)
    press(app, CHECK)
    assert "Everything is connected." in read_plain(app)


def test_a_change_after_the_check_asks_for_another_one(workspace, visit):
    """W87."""
    guided.add_identifiers_and_traits(workspace)
    app = press(visit(PAGE), CHECK)
    guided_setup.delete_identifier(workspace, "phone")
    app.run()
    assert "The configuration has changed since the last check." in read_plain(app)
    assert list_addresses(app) == {}
