"""The event debugger: empty, searched, paged, paused; refused events are explained, mended and replayed (W90)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from components import event_list
from core.events.event_log import open_event_log
from core.events.history import word_index
from core.events.history.close import delete_closed
from core.events.history.word_index import build_next
from core.events.intake import refuse_all, take
from core.events.refused import get_refused
from core.events.validate import Fault
from core.sources.store import Source, create_source, disable_source
from core.workspaces.workspace import Workspace
from tests.closed_days import close_all
from tests.feeding import START, Feed
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, list_links, pick, press, read, read_plain, read_table

PAGE = "event_debugger.py"


def test_an_empty_log_says_when_messages_appear(visit: Visit) -> None:
    assert "No event has arrived yet" in read(visit(PAGE))


def test_a_chosen_message_stays_while_new_ones_arrive(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 6):
        feed.track("ada", f"Step {number}")
    app = visit(PAGE)
    assert "<strong>Step 5<" in read(app)
    pick(app, "events", 2)
    assert "<strong>Step 3<" in read(app)
    for number in range(6, 9):
        feed.track("ada", f"Step {number}")
    app.run()
    assert list(read_table(app, "Event")["Event"])[:4] == ["Step 8", "Step 7", "Step 6", "Step 5"]
    assert "<strong>Step 3<" in read(app)
    assert list(app.session_state["events_rows"]["selection"]["rows"]) == [5]
    pick(app, "events", 0)
    assert "<strong>Step 8<" in read(app)


def test_a_chosen_message_stays_when_it_is_pushed_off_the_table(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    feed.track("ada", "The first")
    app = visit(PAGE)
    pick(app, "events", 0)
    for number in range(101):
        feed.track("ada", f"Step {number}")
    app.run()
    assert "The first" not in list(read_table(app, "Event")["Event"])
    assert "<strong>The first<" in read(app)


def test_older_messages_are_a_page_away_and_another_filter_starts_at_the_newest(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    for number in range(150):
        feed.track("ada", f"Step {number}")
    app = visit(PAGE)
    press(app, "Older")
    assert list(read_table(app, "Event")["Event"]) == [f"Step {number}" for number in reversed(range(50))]
    assert app.toggle[0].disabled
    app.text_input[0].set_value('"Step 149"').run()
    assert list(read_table(app, "Event")["Event"]) == ["Step 149"]


def test_a_search_that_takes_long_says_how_far_it_has_come_and_goes_on(
    workspace: Workspace, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(workspace)
    for number in range(30):
        feed.track("ada", f"Step {number}")
    monkeypatch.setattr(word_index, "PART_EVENTS", 10)
    while build_next(open_event_log(workspace)):
        pass
    monkeypatch.setattr(event_list, "PATIENCE_S", -1.0)  # each look is one step
    app = visit(PAGE, event_text="no such event")
    shown = read(app)
    assert "No event matches so far" in shown
    assert "Searched back to 1 Dec 2026" in shown and "It goes on by itself." in shown

    app = press(visit(PAGE, event_text="step"), "Older")
    assert "Press Older to search further back." in read(app)
    pages = 2
    while list_buttons(app)["Older"]:
        app, pages = press(app, "Older"), pages + 1
    assert "No older event matches" in read(app) or list(read_table(app, "Event")["Event"])[-1] == "Step 0"
    assert 3 <= pages <= 6
    assert list(read_table(press(app, "Newest"), "Event")["Event"])[:1] == ["Step 29"]


def test_the_address_opens_one_message(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 4):
        feed.track("ada", f"Step {number}")
    assert "<strong>Step 1<" in read(visit(PAGE, message="1"))
    assert "Message #99 is no longer in the event log." in read(visit(PAGE, message="99"))
    assert "<strong>Step 3<" in read(visit(PAGE, message="not a number"))
    assert "No event matches" in read(visit(PAGE, event_text="nothing like it"))


def test_messages_of_closed_days_are_shown_and_found_like_others(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 4):
        feed.track("ada", f"Step {number}")
    log = open_event_log(workspace)
    later = START + timedelta(days=60)
    assert close_all(log, later) == 1
    assert delete_closed(log, later + timedelta(days=2)) == 3
    assert "<strong>Step 3<" in read(visit(PAGE))
    assert "<strong>Step 1<" in read(visit(PAGE, message="1"))
    assert list(read_table(visit(PAGE, event_text='"step 2"'), "Event")["Event"]) == ["Step 2"]


def test_a_log_that_cannot_be_read_is_explained(workspace: Workspace, visit: Visit) -> None:
    workspace.home.events_db.write_bytes(b"not a database, and long enough to be looked at" * 100)
    assert "The event log cannot be opened." in visit(PAGE).error[0].value


BAD = {"type": "track", "event": 7, "userId": "ada", "messageId": "m-bad"}


def refuse(workspace: Workspace, source: Source, *messages: object) -> None:
    taken = take(source.id, messages, received_at=START + timedelta(days=31))
    open_event_log(workspace).append(taken.entries, taken.refusals)


def refuse_disabled(workspace: Workspace, source_id: str, count: int, code: str = "source_disabled") -> None:
    messages = [{**BAD, "event": f"Step {number}", "messageId": f"m-{number}"} for number in range(count)]
    fault = Fault(code, "Refused whole.")
    at = START + timedelta(days=31)
    open_event_log(workspace).append([], refuse_all(source_id, messages, fault, received_at=at))


def test_accepted_and_refused_events_are_one_list_and_each_is_shown_alone(workspace: Workspace, visit: Visit) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    refuse(workspace, source, {**BAD, "event": "Paid", "messageId": "m-1"}, BAD)
    app = visit(PAGE)
    assert sorted(read_table(app, "State")["State"]) == ["Accepted", "⊘ event_not_string"]
    assert list(read_table(visit(PAGE, show="refused"), "State")["State"]) == ["⊘ event_not_string"]
    assert list(read_table(visit(PAGE, show="accepted"), "Event")["Event"]) == ["Paid"]
    assert list(read_table(visit(PAGE, code="event_not_string"), "State")["State"]) == ["⊘ event_not_string"]
    assert len(read_table(visit(PAGE, user="ada"), "State")) == 2
    assert "No event matches" in read(visit(PAGE, user="bob"))


def test_a_refused_event_says_why_and_what_to_do_and_is_mended_checked_and_replayed(
    workspace: Workspace, visit: Visit
) -> None:
    source = create_source(
        workspace, kind="javascript", name="Shop", settings={"website_url": "https://shop.example.com"}
    )
    refuse(workspace, source, BAD)
    app = visit(PAGE, refused="1")
    assert "Refused: event must be a text." in read_plain(app)
    assert "Correct it where it is sent" in read(app)
    assert app.code[0].value == "analytics.track(7)"
    assert list_buttons(app)["Replay"] is False
    app.text_area[0].set_value('{"type": "track",').run()
    assert "This is not JSON" in read(app)
    app.text_area[0].set_value('{"type": "track", "event": "Paid", "userId": "ada", "messageId": "m-bad"}').run()
    assert "It would be taken." in read(app)
    press(app, "Replay")
    assert "Replayed as message #1." in read(app)
    assert "<strong>Paid<" in read(app)
    assert get_refused(open_event_log(workspace), 1).replayed_as == 1
    again = visit(PAGE, refused="1")
    assert "Replayed: it is in the log now." in read(again)
    assert "<strong>Paid<" in read(press(again, "Message #1"))
    assert dict(again.query_params) == {"message": "1"}


def test_events_of_a_disabled_source_wait_until_it_is_enabled_and_are_replayed_together(
    workspace: Workspace, visit: Visit
) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    disable_source(workspace, source.id)
    refuse_disabled(workspace, source.id, 3)
    app = visit(PAGE, refused="2")
    assert "Enable the source" in read(app)
    assert "Replay" not in list_buttons(app)
    press(app, "Enable Shop")
    press(app, "Replay all 3 events …")
    assert "3 events of **Shop** were refused with `source_disabled`" in read(app)
    assert list_buttons(app)["Replay all"]  # a press inside a popup needs a browser: tests/browser


def test_an_event_of_an_unknown_key_is_given_to_a_source_and_one_of_a_deleted_source_is_not(
    workspace: Workspace, visit: Visit
) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    refuse_disabled(workspace, "", 1, code="unknown_source")
    refuse_disabled(workspace, "src_gone", 1)
    app = visit(PAGE, refused="1")
    assert list_buttons(app)["Replay"] is False
    app.selectbox(key="taker_1").set_value(source.id).run()
    press(app, "Replay")
    assert open_event_log(workspace).get_many([1])[0].source_id == source.id
    assert "Its source has been deleted" in read(visit(PAGE, refused="2"))
    assert "Refused event 99 is no longer in the event log." in read(visit(PAGE, refused="99"))


def test_a_paused_list_stands_still_says_how_much_is_newer_and_goes_on_where_a_person_asks(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    feed.track("ada", "Step 1")
    app = visit(PAGE)
    assert app.toggle[0].value is True
    app.toggle[0].set_value(False).run()
    feed.track("ada", "Step 2")
    refuse_disabled(workspace, "src_gone", 1)
    app.run()
    assert list(read_table(app, "Event")["Event"]) == ["Step 1"]
    press(app, "Show 2 newer events")
    assert list(read_table(app, "Event")["Event"]) == ["Step 0", "Step 2", "Step 1"]
    assert not [label for label in list_buttons(app) if label.startswith("Show")]
    feed.track("ada", "Step 3")
    app.toggle[0].set_value(True).run()
    assert "Step 3" in list(read_table(app, "Event")["Event"])


def test_the_views_of_one_event_are_the_call_the_json_and_where_it_went(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    reached = feed.track("ada", "Paid", {"total": 12.5})
    nobody = feed.send("track", event="Lost", properties={}, anonymousId="x")
    unread = feed.send("track", event="Elsewhere", userId="ada", source="src_other")
    feed.build()
    waiting = feed.track("ada", "Later")
    assert "curl" in visit(PAGE, message=str(reached)).code[0].value
    assert '"event": "Paid"' in visit(PAGE, message=str(reached), **{"as": "raw"}).code[0].value
    app = visit(PAGE, message=str(reached), **{"as": "went"})
    assert "It made this profile, because it carries `user_id ada`." in read_plain(app)
    assert "Nothing forwards events from this workspace yet." in read_plain(app)
    assert list_links(app)["Its profile"] == "profile-explorer"
    assert "a rule kept it out" in read(visit(PAGE, message=str(nobody), **{"as": "went"}))
    assert "No matching identifiers on event" in read(visit(PAGE, message=str(nobody), **{"as": "went"}))
    assert "the space does not read" in read(visit(PAGE, message=str(unread), **{"as": "went"}))
    assert "Not yet built" in read(visit(PAGE, message=str(waiting), **{"as": "went"}))


def test_what_is_no_call_and_no_json_is_shown_as_it_came(workspace: Workspace, visit: Visit) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    refuse(workspace, source, "only a text")
    app = visit(PAGE, refused="1")
    assert "not one of the six calls" in read(app)
    assert visit(PAGE, refused="1", **{"as": "raw"}).code[0].value == '"only a text"'
