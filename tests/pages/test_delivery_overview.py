"""The delivery overview: what came, what was refused, what reached a profile, by source and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.clock import to_iso
from core.events.event_log import open_event_log
from core.events.intake import refuse_all, take
from core.events.validate import Fault
from core.sources.store import Source, create_source
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import list_links, pick, read, read_table

PAGE = "delivery_overview.py"
DISABLED = Fault(code="source_disabled", reason="The source is disabled.")


def send(
    workspace: Workspace, source: Source, count: int, ago: timedelta = timedelta(minutes=2), **fields: object
) -> None:
    at = datetime.now(UTC) - ago
    messages = [
        {"type": "track", "event": "Paid", "messageId": f"{source.id}-{to_iso(at)}-{number}", **fields}
        for number in range(count)
    ]
    taken = take(source.id, messages, received_at=at)
    open_event_log(workspace).append(taken.entries, taken.refusals)


def metrics(app: object) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}  # type: ignore[attr-defined]


def test_without_events_it_says_that_nothing_came(workspace: Workspace, visit: Visit) -> None:
    assert "Nothing came in the last 24 hours" in read(visit(PAGE))
    assert "Nothing came in the last 10 min" in read(visit(PAGE, period="10m"))


def test_every_event_that_came_is_in_one_of_the_steps(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    shop = create_source(workspace, kind="http", name="Shop")
    other = create_source(workspace, kind="http", name="Other")
    connect_source(workspace, feed.space_id, shop.id)
    send(workspace, shop, 10, userId="ada")
    send(workspace, shop, 3, timedelta(minutes=3), anonymousId="x")
    send(workspace, shop, 2, event=7)
    send(workspace, other, 4, userId="ada")
    at = datetime.now(UTC) - timedelta(minutes=1)
    open_event_log(workspace).append([], refuse_all(other.id, [{}, {}], DISABLED, received_at=at))
    feed.workspace.clock.advance(datetime.now(UTC) - feed.workspace.clock.now())  # type: ignore[attr-defined]
    feed.build()
    send(workspace, shop, 1, timedelta(minutes=4), userId="ada")
    app = visit(PAGE, period="1h")
    assert metrics(app) == {
        "Received": "22",
        "Failed on ingest": "2",
        "Filtered at source": "2",
        "Delivered to profiles": "10",
        "Kept out by a rule": "3",
        "Not yet delivered": "5",
    }
    assert "4 of them came from sources that the space did not read then" in read(app)
    table = read_table(app, "To profiles").set_index("Source")
    assert list(table.loc["Shop"]) == [16, "new", 2, 0, 10, 3, 1]
    assert list(table.loc["Other"]) == [6, "new", 0, 2, 0, 0, 4]
    assert list(read_table(app, "Count")["Count"]) == [18]
    alone = visit(PAGE, period="1h", source=other.id)
    assert metrics(alone)["Received"] == "6"


def test_refused_events_are_counted_by_reason_with_samples_that_lead_to_the_debugger(
    workspace: Workspace, visit: Visit
) -> None:
    shop = create_source(workspace, kind="http", name="Shop")
    send(workspace, shop, 6, timedelta(minutes=90), event=7)
    send(workspace, shop, 12, event=7)
    app = visit(PAGE, period="1h")
    table = read_table(app, "Reason")
    assert table.to_dict("records") == [
        {"Code": "event_not_string", "Reason": "event must be a text.", "Count": 12, "Change": "+100 %"}
    ]
    pick(app, "discards", 0)
    samples = [label for label in list_links(app) if label.startswith("track · Shop")]
    assert len([link for link in app.main.get("page_link") if link.proto.label in samples]) == 10
    assert "All of them in the event debugger" in list_links(app)


def test_app_versions_are_told_apart_where_there_are_any(workspace: Workspace, visit: Visit) -> None:
    shop = create_source(workspace, kind="swift", name="App")
    for version, count in (("1.0", 2), ("1.1", 5)):
        send(workspace, shop, count, userId="ada", context={"app": {"version": version}}, event=f"Paid {version}")
    table = read_table(visit(PAGE), "App version")
    assert [tuple(row) for row in table[["Event", "App version", "Count"]].itertuples(index=False)] == [
        ("Paid 1.1", "1.1", 5),
        ("Paid 1.0", "1.0", 2),
    ]


def test_a_log_that_cannot_be_read_is_explained(workspace: Workspace, visit: Visit) -> None:
    workspace.home.events_db.write_bytes(b"not a database, and long enough to be looked at" * 100)
    assert "The event log cannot be opened." in visit(PAGE).error[0].value
