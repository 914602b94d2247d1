"""The whole guided setup in a real browser, as a stranger walks it: from the access gate to Return to Flex."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.person import SLOW_MS, press, see, write_sql

ROOT = Path(__file__).resolve().parents[2]
SQL = (
    "SELECT ID, FIRST_NAME, LAST_NAME, lower(trim(EMAIL)) AS EMAIL, PHONE, MAILING_COUNTRY, SYSTEM_MODSTAMP\n"
    "FROM salesforce.contacts"
)


@pytest.mark.timeout(400)
def test_a_stranger_finishes_the_setup_and_finds_a_customer(
    start_app: Callable[..., str], open_screen: Callable[..., object]
) -> None:
    """W3, W5, W9-W14, W24-W35, W38, W61-W67, W83-W92."""
    address = start_app(ROOT / "app.py")
    screen = open_screen("desktop-light")
    page = screen.open(address)

    see(page, "Getting started with Segment")
    press(page, "Request access")
    see(page, "Step 1")
    screen.shoot("home-start")

    press(page, "Select data sources")
    see(page, "Unable to change data source selection after this step")
    press(page, "Next")
    see(page, "After Continue the choice cannot be changed")
    screen.shoot("popup")
    press(page, "Continue")

    see(page, "Connect your customer data now")
    screen.shoot("home-connections")
    press(page, "Connect data warehouse")
    see(page, "Available warehouses")
    press(page, "Next")
    press(page, "Save")
    see(page, "is connected.")
    screen.shoot("warehouse")
    press(page, "Next")

    press(page, "Define Model")
    write_sql(page, SQL)
    page.keyboard.press("Control+Enter")
    see(page, "is unique and filled in all")
    screen.settle()
    screen.shoot("model")
    press(page, "Next")

    press(page, "Create Mapping")
    see(page, "Which column fills which field")
    chip = page.locator('.chip[data-column="ID"]')
    chip.wait_for(timeout=SLOW_MS)
    slot = page.locator('.row[data-field="user_id"] .slot, .row[data-field="User ID"] .slot').first
    chip.drag_to(slot)
    expect(slot).to_contain_text("ID")
    screen.settle()
    page.get_by_role("button", name=re.compile("Accept all")).first.click()
    see(page, "Checked on all")
    screen.settle()
    screen.shoot("mapping")
    press(page, "Create mapping")

    press(page, "Add identifiers and traits")
    press(page, "Add identifier")
    for label in ("User ID", "Email"):
        page.get_by_text(label, exact=True).first.click()
    press(page, "Add identifiers")
    expect(page.get_by_role("dialog")).to_have_count(0)
    screen.settle()
    see(page, "user_id")
    press(page, "Add computed traits")
    for label in ("Total inbounds", "Frequent inbound channel"):
        page.get_by_text(label).first.click()
    screen.shoot("traits")
    press(page, "Save")
    screen.settle()

    press(page, "Check configuration")
    press(page, "Enable Sources and Test Connections")
    see(page, "Everything is connected")
    screen.settle()
    screen.shoot("checks")
    expect(page.get_by_role("link", name="Return to Flex")).to_have_count(1)
    for tool in ("Event Debugger", "Profile Explorer", "Advanced Segment"):
        expect(page.get_by_role("link", name=tool).first).to_be_attached()

    screen.turn_to("/profile-explorer")
    see(page, "Profile explorer")
    deadline = time.monotonic() + 60
    while page.get_by_role("button", name="Open").count() == 0 and time.monotonic() < deadline:
        page.wait_for_timeout(250)
        screen.turn_to("/syncs")
        screen.turn_to("/profile-explorer")
    see(page, "Open")
    screen.shoot("explorer")
    assert screen.errors == []
