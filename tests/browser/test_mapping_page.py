"""The page Select mappings in a real browser: the test record that is shown and the message that is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from core.events.event_log import open_event_log
from core.setup import guided_setup
from core.setup.guided_setup import get_setup
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.browser.person import SLOW_MS, see


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose model is defined and whose mapping is drafted, complete and not created."""
    folder = tmp_path / "home"
    workspace = open_workspace(str(folder / "onramp"))
    setup = guided.define(workspace)
    guided_setup.save_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    workspace.close()
    return folder


@pytest.mark.timeout(120)
def test_the_test_record_that_is_shown_is_the_one_that_is_sent(home: Path, open_screen: Callable[..., object]) -> None:
    """W34, and section 8 of the wizard: Test Mapping."""
    with serve(ROOT / "app.py", home) as address:
        screen = open_screen("phone-dark")
        page = screen.open(f"{address}/select-mappings")
        see(page, "Checked on all 12 rows")
        screen.settle()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        page.locator(".st-key-test_record summary").click(timeout=SLOW_MS)
        record = page.get_by_test_id("stJson")
        record.wait_for(timeout=SLOW_MS)
        screen.settle()
        shown = read_json(page, record)
        screen.shoot("test-record")
        page.locator(".st-key-send_test_record").get_by_role("button").click(timeout=SLOW_MS)
        see(page, "Delivered. It is in the event debugger")
    workspace = open_workspace(str(home / "onramp"))
    (event,) = open_event_log(workspace).search()
    made = guided_setup.make_draft_test_record(workspace, get_setup(workspace).draft.mapping).message
    workspace.close()
    sent = orjson.loads(event.body)
    arrival = ("timestamp", "originalTimestamp", "receivedAt")  # the row has no time of its own: that of sending counts
    assert {**sent, **{name: shown[name] for name in arrival}} == shown
    assert {**made, "messageId": shown["messageId"], **{name: shown[name] for name in arrival}} == shown
    assert shown["traits"] == {"email": "c1@example.com", "phone": "+14155550001", "plan": "basic"}


def read_json(page: object, record: object) -> dict[str, object]:
    """Return the whole message by the viewer's own copy buttons, of which each level of the message has one."""
    copied = []
    for button in record.locator(".object-meta-data").get_by_title("Copy to clipboard").all():
        button.locator("span").first.dispatch_event("click")  # it shows while something hovers, which a phone has not
        copied.append(page.evaluate("() => navigator.clipboard.readText()"))
    return json.loads(max(copied, key=len))
