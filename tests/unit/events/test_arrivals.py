"""What has arrived from websites and apps: how much, and the newest view."""

from __future__ import annotations

from core.events.arrivals import list_arrivals
from core.events.event_log import open_event_log
from core.events.intake import take
from core.sources.store import Source, create_source
from core.workspaces.workspace import Workspace


def send(workspace: Workspace, source: Source, type_: str, name: str) -> None:
    message = {"type": type_, "anonymousId": "a1", "event": name, "name": name}
    open_event_log(workspace).append(take(source.id, [message], received_at=workspace.now()).entries)


def test_each_source_has_its_own_answer_in_the_order_in_which_they_were_asked_for(workspace: Workspace) -> None:
    site = create_source(workspace, kind="javascript", name="Shop", settings={"website_url": "https://shop.example"})
    app = create_source(workspace, kind="swift", name="App")
    server = create_source(workspace, kind="http", name="Server")
    for source, type_, name in (
        (site, "page", "Home"),
        (site, "page", "Basket"),
        (site, "screen", "Start"),
        (app, "page", "Home"),
        (server, "page", "Home"),
    ):
        send(workspace, source, type_, name)
    found = list_arrivals(workspace, [server, app, site])
    assert [(each.events, each.shown_by, each.view_name) for each in found] == [
        (1, "", ""),
        (1, "screen", ""),
        (3, "page", "Basket"),
    ]
    assert [each.is_seen for each in found] == [False, False, True]
    assert list_arrivals(workspace, []) == []
