"""The event debugger in a real browser: events stream in while a person reads, refused ones are mended and replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.events.event_log import open_event_log
from core.events.intake import refuse_all, take
from core.events.validate import Fault
from core.sources.store import Source, create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.browser.axe_faults import find_faults
from tests.browser.conftest import ROOT
from tests.browser.person import press, see

pytestmark = pytest.mark.timeout(240)

FILL_WAIT_MS = 20_000


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "onramp"))
    yield opened
    opened.close()


def send(workspace: Workspace, source: Source, event: object, message_id: str) -> None:
    message = {"type": "track", "event": event, "userId": "ada", "messageId": message_id, "properties": {"total": 12.5}}
    taken = take(source.id, [message], received_at=datetime.now(UTC))
    open_event_log(workspace).append(taken.entries, taken.refusals)


def wait_for_row(page: Any, name: str) -> None:
    page.locator("[data-testid=stDataFrame] table td", has_text=name).first.wait_for(
        state="attached", timeout=FILL_WAIT_MS
    )


def test_events_stream_in_while_a_person_reads_one_and_stand_still_when_paused(
    start_app: Callable[..., str], open_screen: Callable[..., Any], workspace: Workspace
) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    for number in range(1, 4):
        send(workspace, source, f"Step {number}", f"m-{number}")
    address = start_app(ROOT / "app.py", ONRAMP_HOME=str(workspace.home.root), ONRAMP_WORKER="off")
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/event-debugger?message=1")
    heading = page.locator("[data-testid=stHtml] strong")
    expect(heading.first).to_have_text("Step 1")
    for number in range(4, 7):
        send(workspace, source, f"Step {number}", f"m-{number}")
        wait_for_row(page, f"Step {number}")
        expect(heading.first, "the event that is read stays").to_have_text("Step 1")
    assert page.url.endswith("message=1")
    screen.shoot("debugger-live")

    page.get_by_text("Live", exact=True).click()
    screen.settle()
    send(workspace, source, "Step 7", "m-7")
    see(page, "Show 1 newer event")
    expect(page.locator("[data-testid=stDataFrame] table td", has_text="Step 7")).to_have_count(0)
    press(page, "Show 1 newer event")
    wait_for_row(page, "Step 7")
    expect(heading.first).to_have_text("Step 1")


def test_a_refused_event_is_mended_and_replayed_and_those_that_waited_are_replayed_together(
    start_app: Callable[..., str], open_screen: Callable[..., Any], workspace: Workspace
) -> None:
    source = create_source(workspace, kind="swift", name="Shop for iOS")
    send(workspace, source, 7, "m-1")
    disabled = Fault(code="source_disabled", reason="The source is disabled.")
    waiting = [{"type": "track", "event": f"Late {number}", "userId": "ada"} for number in range(3)]
    open_event_log(workspace).append([], refuse_all(source.id, waiting, disabled, received_at=datetime.now(UTC)))
    address = start_app(ROOT / "app.py", ONRAMP_HOME=str(workspace.home.root), ONRAMP_WORKER="off")
    screen = open_screen("desktop-dark")
    page = screen.open(f"{address}/event-debugger?refused=1")
    see(page, "Refused: event must be a text.")
    screen.shoot("debugger-refused")
    editor = page.get_by_label("The event, as JSON")
    editor.fill(editor.input_value().replace('"event": 7', '"event": "Order Paid"'))
    editor.press("Control+Enter")
    see(page, "It would be taken.")
    press(page, "Replay")
    see(page, "Replayed as message #1.")
    assert "message=1" in page.url
    see(page, 'analytics.track(name: "Order Paid"')

    screen.turn_to("/event-debugger?refused=3")
    press(page, "Replay all 3 events …")
    see(page, "They are taken as they are, oldest first")
    screen.settle()
    screen.shoot("debugger-replay-all")
    press(page, "Replay all")
    see(page, "3 events replayed.")
    assert [event.name for event in open_event_log(workspace).read(0, 9)] == [
        "Order Paid",
        "Late 0",
        "Late 1",
        "Late 2",
    ]


@pytest.mark.parametrize("screen_name", ["desktop-light", "phone-dark"])
def test_the_debugger_and_the_delivery_overview_fit_every_screen_and_are_accessible(
    start_app: Callable[..., str], open_screen: Callable[..., Any], workspace: Workspace, screen_name: str
) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    send(workspace, source, "Order Paid", "m-1")
    send(workspace, source, 7, "m-2")
    address = start_app(ROOT / "app.py", ONRAMP_HOME=str(workspace.home.root), ONRAMP_WORKER="off")
    screen = open_screen(screen_name)
    page = screen.open(address)
    for path, text in (
        ("event-debugger?refused=1", "Fix and replay"),
        ("event-debugger?message=1&as=raw", "receivedAt"),
        ("event-debugger?message=1&as=went", "Nothing forwards events"),
        ("delivery-overview?period=1h", "Refused, by reason"),
    ):
        screen.turn_to(f"/{path}")
        see(page, text)
        screen.settle()
        width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= page.viewport_size["width"], path
        assert find_faults(page) == [], path
        screen.shoot(f"debugger-fits-{text.split()[0]}")
