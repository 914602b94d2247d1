"""The event debugger: empty, searched, paged; a chosen message stays while new ones arrive (W90)."""

from __future__ import annotations

from datetime import timedelta

from core.events.event_log import open_event_log
from core.events.history.close import delete_closed
from core.workspaces.workspace import Workspace
from tests.closed_days import close_all
from tests.feeding import START, Feed
from tests.pages.conftest import Visit
from tests.pages.reading import pick, press, read, read_table

PAGE = "event_debugger.py"


def test_an_empty_log_says_when_messages_appear(visit: Visit) -> None:
    assert "No message has arrived yet" in read(visit(PAGE))


def test_a_chosen_message_stays_while_new_ones_arrive(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 6):
        feed.track("ada", f"Step {number}")
    app = visit(PAGE)
    assert "**Step 5**" in read(app)
    pick(app, "events", 2)
    assert "**Step 3**" in read(app)
    for number in range(6, 9):
        feed.track("ada", f"Step {number}")
    app.run()
    assert list(read_table(app, "Event")["Event"])[:4] == ["Step 8", "Step 7", "Step 6", "Step 5"]
    assert "**Step 3**" in read(app)
    assert list(app.session_state["events_rows"]["selection"]["rows"]) == [5]
    pick(app, "events", 0)
    assert "**Step 8**" in read(app)


def test_a_chosen_message_stays_when_it_is_pushed_off_the_table(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    feed.track("ada", "The first")
    app = visit(PAGE)
    pick(app, "events", 0)
    for number in range(101):
        feed.track("ada", f"Step {number}")
    app.run()
    assert "The first" not in list(read_table(app, "Event")["Event"])
    assert "**The first**" in read(app)


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


def test_the_address_opens_one_message(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 4):
        feed.track("ada", f"Step {number}")
    assert "**Step 1**" in read(visit(PAGE, message="1"))
    assert "Message #99 is no longer in the event log." in read(visit(PAGE, message="99"))
    assert "**Step 3**" in read(visit(PAGE, message="not a number"))
    assert "No message matches" in read(visit(PAGE, event_text="nothing like it"))


def test_messages_of_closed_days_are_shown_and_found_like_others(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(1, 4):
        feed.track("ada", f"Step {number}")
    log = open_event_log(workspace)
    later = START + timedelta(days=60)
    assert close_all(log, later) == 1
    assert delete_closed(log, later + timedelta(days=2)) == 3
    assert "**Step 3**" in read(visit(PAGE))
    assert "**Step 1**" in read(visit(PAGE, message="1"))
    assert list(read_table(visit(PAGE, event_text='"step 2"'), "Event")["Event"]) == ["Step 2"]


def test_a_log_that_cannot_be_read_is_explained(workspace: Workspace, visit: Visit) -> None:
    workspace.home.events_db.write_bytes(b"not a database, and long enough to be looked at" * 100)
    assert "The event log cannot be opened." in visit(PAGE).error[0].value
