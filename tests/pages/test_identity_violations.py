"""Identity violations: none, counted by rule, filtered, paged, and the people they concern."""

from __future__ import annotations

from core.identity.resolve import ViolationRule
from core.profiles.alarms import MANY_PEOPLE
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import pick, press, read, read_table

PAGE = "identity_violations.py"


def test_without_a_violation_the_page_says_what_would_be_here(workspace: Workspace, visit: Visit) -> None:
    assert "No violations" in read(visit(PAGE))
    Feed(workspace)
    assert "No violations" in read(visit(PAGE))


def test_violations_are_counted_by_rule_filtered_and_lead_to_message_and_profile(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    feed.identify("ada", traits={"email": "shared@example.com"})
    feed.identify("grace", traits={"email": "shared@example.com"})
    for _ in range(2):
        feed.send("track", anonymousId="x", event="Seen", properties={})
    feed.build()

    app = visit(PAGE)
    shown = read(app)
    assert "**2 times** · No matching identifiers on event" in shown
    assert "**1 time** · Identifier value limit exceeded" in shown
    assert list(read_table(app, "Message")["Message"]) == ["#4", "#3", "#2"]

    app = visit(PAGE, rule=ViolationRule.VALUE_LIMIT)
    assert list(read_table(app, "Message")["Message"]) == ["#2"]
    assert "No matching identifiers" not in read(app)
    pick(app, f"violations_{ViolationRule.VALUE_LIMIT}_None_None_2", 0)
    assert "matched without email shared@example.com" in read(app)
    links = [link.label for link in app.get("page_link")]
    assert {"The message", "Its profile", "Kept apart from"} <= set(links)
    assert list(read_table(visit(PAGE, type="email"), "Message")["Message"]) == ["#2"]
    assert list(read_table(visit(PAGE, value="shared@example.com"), "Message")["Message"]) == ["#2"]
    assert "No violation is like this" in read(visit(PAGE, type="email", value="nobody@example.com"))


def test_older_violations_are_a_page_away(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for _ in range(130):
        feed.send("track", anonymousId="x", event="Seen", properties={})
    feed.build()
    app = visit(PAGE)
    assert len(read_table(app, "Message")) == 100
    press(app, "Older")
    assert list(read_table(app, "Message")["Message"]) == [f"#{number}" for number in range(30, 0, -1)]
    press(app, "Newest")
    assert len(read_table(app, "Message")) == 100


def test_a_value_that_very_many_share_stands_first_with_the_way_to_it(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace, custom=("phone",))
    for number in range(MANY_PEOPLE + 1):
        feed.identify(f"u{number}", traits={"phone": "+14155550999"})
    feed.build()
    app = visit(PAGE)
    shown = read(app)
    assert "phone +14155550999" in shown
    assert f"it was refused to {MANY_PEOPLE} people" in shown
    assert "Who has it" in {link.label for link in app.get("page_link")}
    press(app, "Its violations")
    assert dict(app.query_params) == {"type": "phone", "value": "+14155550999"}
    assert set(read_table(app, "Passed over")["Passed over"]) == {"phone +14155550999"}
