"""A source from + Add More to its deletion, pressed in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.sources.store import get_source, list_sources
from core.workspaces.workspace import open_workspace, request_access
from tests.browser.conftest import ROOT
from tests.browser.person import press, see, wait_for_value

pytestmark = pytest.mark.timeout(240)


def test_w95_a_source_is_added_renamed_changed_rotated_disabled_and_deleted(
    start_app: Callable[..., str], open_screen: Callable[..., Any], tmp_path: Path
) -> None:
    home = tmp_path / "onramp"
    workspace = open_workspace(str(home))
    request_access(workspace)
    address = start_app(ROOT / "app.py", ONRAMP_HOME=str(home), ONRAMP_WORKER="off")
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/overview")
    page.get_by_role("link", name="+ Add More").first.click()
    page.get_by_text("Javascript", exact=True).click()
    screen.shoot("source-kinds")
    press(page, "Next")
    page.get_by_role("textbox", name="Website Name").fill("Shop")
    page.get_by_role("textbox", name="Website URL").fill("https://shop.example")
    press(page, "Create Source")
    see(page, "Waiting for the first event")
    screen.settle()
    screen.shoot("source-page")
    (source,) = list_sources(workspace)

    press(page, "Rename …")
    page.get_by_role("textbox", name="Name").fill("Shop Europe")
    press(page, "Save name")
    see(page, "Shop Europe")
    press(page, "Change the settings …")
    url = page.get_by_role("textbox", name="Website URL")
    expect(url).to_have_value("https://shop.example")
    url.fill("no address")
    press(page, "Save settings")
    page.get_by_role("dialog").get_by_role("alert").wait_for()
    screen.shoot("source-settings")
    assert get_source(workspace, source.id).settings == {"website_url": "https://shop.example"}
    url.fill("https://shop.example/en")
    press(page, "Save settings")
    page.get_by_role("dialog").wait_for(state="detached")
    assert get_source(workspace, source.id).settings == {"website_url": "https://shop.example/en"}
    press(page, "Rotate the write key …")
    screen.shoot("source-rotate")
    press(page, "Rotate")
    see(page, "The key before it is taken until")
    rotated = get_source(workspace, source.id)
    assert (rotated.name, rotated.old_write_key) == ("Shop Europe", source.write_key)
    expect(page.get_by_text(str(rotated.write_key)).first).to_be_attached()

    press(page, "Disable …")
    press(page, "Disable")
    page.get_by_role("button", name="Enable").wait_for()
    assert not get_source(workspace, source.id).enabled
    press(page, "Enable")
    wait_for_value(screen, lambda: get_source(workspace, source.id).enabled, True)
    page.get_by_role("button", name="Disable …").wait_for()

    press(page, "Delete …")
    see(page, "Its write key is gone for good")
    screen.shoot("source-delete")
    page.get_by_text("I have taken the key out").click()
    press(page, "Delete")
    see(page, "There is no such source")
    assert list_sources(workspace) == []
    workspace.close()
