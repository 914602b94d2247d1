"""Add identifiers and traits: step 3. What is pressed inside a popup is pressed in the browser tests."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.identity import rules
from core.identity.identifiers import DEFAULT_IDENTIFIERS
from core.predictions.choices import count_messages
from core.predictions.prediction import KINDS, Prediction
from core.predictions.store import create_prediction
from core.profiles.build import ProfileBuilder
from core.setup import guided_setup
from core.setup.guided_setup import get_setup
from core.sources.store import list_sources
from core.storage.tables import predictions
from core.traits.engine import ComputedTraitEngine
from core.traits.store import list_traits
from core.workspaces.workspace import Workspace
from tests import guided
from tests.pages.reading import list_buttons, list_links, press, read, read_plain

PAGE = "identifiers_and_traits.py"
BADGES = (
    "gray-badge[Not set up]",
    "gray-badge[Waiting to start]",
    "blue-badge[In progress]",
    "green-badge[Ready]",
    "red-badge[Failed]",
)


def choose(app, *keys: str):
    """Tick exactly these computed traits."""
    for box in app.checkbox:
        box.set_value(box.key.removeprefix("trait_") in keys)
    return app


def test_the_locked_step_says_what_is_missing_and_links_there(workspace, visit):
    """W7, W20."""
    guided.define(workspace)
    app = visit(PAGE)
    assert "Step 3 is locked for now" in read_plain(app)
    assert "Complete step 2, Add connections, first." in read_plain(app)
    assert "Go to step 2, Add connections" in list_links(app)
    assert "Add identifier" not in list_buttons(app)


def test_the_page_explains_identifiers_and_traits_and_asks_for_an_identifier_first(workspace, visit):
    """W61, W62, W65."""
    guided.map_columns(workspace)
    app = visit(PAGE)
    assert "unique pieces of data that link what you know about one customer across programs" in read_plain(app)
    assert "facts you know about a customer" in read_plain(app)
    assert list_buttons(app) == {"Add identifier": True}


def test_the_picker_holds_the_eleven_default_identifiers(workspace, visit):
    """W63, W71."""
    guided.map_columns(workspace)
    space_id = get_setup(workspace).space_id
    rules.add_identifiers(workspace, space_id, ["email"])
    with workspace.database.transaction() as connection:
        rules.add_external_types(connection, workspace, space_id, ["ios.id"])
    app = press(visit(PAGE), "Add identifier")
    assert len(app.checkbox) == len(DEFAULT_IDENTIFIERS) == 11
    assert [box.key for box in app.checkbox if box.disabled] == ["pick_email"], "one seen in externalIds can be added"
    assert [tab.label for tab in app.tabs] == ["Select default identifiers", "Create identifier"]
    assert list_buttons(app)["Add identifiers"] is False


def test_each_identifier_is_a_row_with_its_rules_in_words_and_a_menu_of_edit_and_delete(workspace, visit):
    """W64."""
    guided.add_identifiers_and_traits(workspace)
    app = visit(PAGE)
    assert "Priority 1 · up to 1 value for one profile, ever · 4 blocked values" in read_plain(app)
    labels = [button.label for button in app.button]
    assert (labels.count("Edit"), labels.count("Delete")) == (3, 3)


def test_up_to_two_traits_are_saved_and_the_way_to_step_4_opens(workspace, visit):
    """W65-W67."""
    guided.map_columns(workspace)
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    app = visit(PAGE)
    assert "Check configuration" not in list_buttons(app)
    press(app, "Add computed traits")
    recommended = [box.key for box in app.checkbox if "Recommended" in box.label]
    assert recommended == ["trait_total_inbounds", "trait_frequent_inbound_channel"]
    choose(app, "total_inbounds", "frequent_inbound_channel")
    press(app, "Save")
    assert {trait.name for trait in list_traits(workspace, get_setup(workspace).space_id)} == {
        "Total inbounds",
        "Frequent inbound channel",
    }
    press(app, "Check configuration")
    assert app.title[0].value == "Check configuration"


def test_a_third_trait_is_refused_in_a_sentence_and_the_choice_stays(workspace, visit):
    """W66, W120, W122."""
    guided.map_columns(workspace)
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    app = press(visit(PAGE), "Add computed traits")
    keys = [box.key.removeprefix("trait_") for box in app.checkbox][:3]
    press(choose(app, *keys), "Save")
    assert "3 computed traits are selected; the limit is 2." in read_plain(app)
    assert [box.value for box in app.checkbox][:3] == [True, True, True]
    assert not get_setup(workspace).traits_saved


def test_no_trait_is_fine_too(workspace, visit):
    guided.map_columns(workspace)
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    press(choose(press(visit(PAGE), "Add computed traits")), "Save")
    app = visit(PAGE)
    assert "None is computed." in read_plain(app)
    assert list_buttons(app)["Check configuration"]


def test_traits_that_another_browser_saved_first_are_not_overwritten_unseen(workspace, visit):
    guided.map_columns(workspace)
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    app = choose(press(visit(PAGE), "Add computed traits"), "total_inbounds")
    guided_setup.save_traits(workspace, ["frequent_inbound_channel"])
    press(app, "Save")
    assert "this change was not saved" in read_plain(app)
    assert [box.key for box in app.checkbox if box.value] == ["trait_total_inbounds"], "what was ticked is kept"
    press(app, "Save")
    assert [trait.key for trait in list_traits(workspace, get_setup(workspace).space_id)] == ["total_inbounds"]


@pytest.mark.parametrize("change", ["added", "deleted"])
def test_what_another_browser_did_is_announced_once_and_shown(workspace, clock, visit, change):
    guided.add_identifiers_and_traits(workspace)
    app = visit(PAGE)
    clock.advance(timedelta(seconds=1))
    if change == "added":
        guided_setup.add_default_identifiers(workspace, ["android.id"])
    else:
        guided_setup.delete_identifier(workspace, "phone")
    app.run()
    assert "The setup was changed in another browser or tab." in read_plain(app)
    assert ("`android.id`" in read_plain(app)) == (change == "added")
    assert ("`phone`" in read_plain(app)) == (change == "added")
    app.run()
    assert "another browser" not in read_plain(app)


def test_predictive_traits_wait_for_events_and_say_so(workspace, visit):
    """W68, W69, W70, W73."""
    guided.fill(workspace)
    app = visit(PAGE)
    assert [each.label for each in app.expander] == ["Set up predictive traits"]
    names = [kind.label for kind in KINDS if kind.is_recommended]
    assert names == ["Likelihood to Churn", "Predicted Lifetime Value"]
    assert all(name in read_plain(app) for name in names)
    assert [button.disabled for button in app.button if button.label == "Complete setup"] == [True, True]
    assert "No event of a customer has arrived yet." in read_plain(app)
    messages = count_messages(workspace)
    assert messages > 0
    measured = f"up to 48 hours then. Here: The training reads {messages} events and takes about 5 s on a machine"
    assert measured in read_plain(app), "beside it, what was measured here"
    assert "A million more add about 50 s." in read_plain(app)


def order(workspace: Workspace) -> str:
    """Have an event of a customer arrive, and return the space."""
    guided.fill(workspace)
    source = list_sources(workspace, kind="flex")[0]
    message = {"type": "track", "event": "Order Completed", "userId": "c1", "messageId": "m-1"}
    open_event_log(workspace).append([to_log_entry(source.id, message, workspace.now())])
    space_id = get_setup(workspace).space_id
    ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()
    return space_id


def change(workspace: Workspace, prediction: Prediction, **values: object) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(update(predictions).where(predictions.c.id == prediction.id).values(**values))


def list_states(app) -> list[str]:
    """Return the badge of each predictive trait."""
    return [badge for badge in re.findall(r":(\w+-badge\[[^]]+\])", read(app)) if badge in BADGES]


def test_each_predictive_trait_shows_how_far_it_has_come(workspace, visit):
    """W69, W70."""
    not_set_up, waiting, in_progress, ready, failed = BADGES
    space_id, now = order(workspace), workspace.now()
    churn = create_prediction(workspace, space_id, "churn", {"targets": ["Order Completed"]})
    app = visit(PAGE)
    assert list_states(app) == [waiting, not_set_up]
    assert [button.disabled for button in app.button if button.label == "Complete setup"] == [False]

    document = {"targets": ["Order Completed"], "amount_property": "revenue"}
    value = create_prediction(workspace, space_id, "lifetime_value", document)
    change(workspace, value, started_at=now)
    app = visit(PAGE)
    assert list_states(app) == [waiting, in_progress]
    assert "Complete setup" not in list_buttons(app)

    change(workspace, churn, job=None, trained_at=now, report={"took_s": 40.0, "read": count_messages(workspace) / 3})
    error = {"code": "event_not_tracked", "message": "It last came 9 days ago.", "hint": "Have it sent again."}
    change(workspace, value, job=None, error=error)
    app = visit(PAGE)
    assert list_states(app) == [ready, failed]
    assert "takes about 2 min, going by the slowest one so far." in read_plain(app), "three times as many events by now"
    app.button(key="see_lifetime_value").click().run()
    assert app.title[0].value == "Predictions"
    assert "It last came 9 days ago." in read_plain(app)


def test_complete_setup_opens_the_form_once_an_event_has_reached_a_profile(workspace, visit):
    """W68, W70."""
    order(workspace)
    app = visit(PAGE)
    enabled = [button for button in app.button if button.label == "Complete setup"]
    assert [button.disabled for button in enabled] == [False, False]
    enabled[1].click().run()
    assert app.title[0].value == "Predictions"
    assert app.subheader[0].value == "Predicted Lifetime Value"
    assert list_buttons(app)["Check requirements"]
