"""The guided setup of a website in a real browser: its snippet on a real page, the page arriving while one waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, STATIC
from tests.browser.person import press, see
from tests.browser.website import serve_website

pytestmark = [
    pytest.mark.skipif(not (STATIC / "analytics-next").is_dir(), reason="not built: python frontend/build.py"),
    pytest.mark.xdist_group("journey"),
    pytest.mark.timeout(300),
]


def confirm_website(page: Any) -> None:
    press(page, "Request access")
    press(page, "Select data sources")
    page.get_by_text("A website or mobile app source", exact=True).click()
    press(page, "Next")
    see(page, "Connecting either one is enough")
    press(page, "Continue")
    see(page, "Create a source for your iOS or Android app")  # the last row: both buttons are there


def test_a_stranger_connects_a_website_and_sees_its_first_page_arrive(
    start_app: Callable[..., str], open_screen: Callable[..., Any], tmp_path: Path
) -> None:
    """W9-W14, W19, W42-W51, W61-W67, W83-W87 of the website branch."""
    address = start_app(ROOT / "app.py")
    screen = open_screen("desktop-light")
    page = screen.open(address)
    confirm_website(page)
    screen.shoot("website-home")

    page.get_by_role("button", name="Connect Source").first.click()
    page.get_by_label("Website Name").fill("Shop")
    page.get_by_label("Website URL").fill("www.example.com")
    screen.shoot("website-form")
    press(page, "Create Source")
    see(page, "Copy this snippet")
    screen.settle()
    screen.shoot("website-snippet")
    snippet = page.locator("[data-testid=stCode] code").first.inner_text()
    assert snippet.startswith("<script>")
    press(page, "Next")
    see(page, "Waiting for the first page")
    screen.shoot("website-waiting")
    press(page, "Test Connection")
    see(page, "No page has arrived yet")
    screen.shoot("website-nothing-yet")

    with serve_website(tmp_path, snippet) as site:
        visitor = open_screen("phone-light")
        visitor.page.goto(f"{site}/index.html")
        see(page, "1 event so far")  # by itself: nobody has pressed anything
    screen.settle()
    screen.shoot("website-seen")
    press(page, "Done")

    press(page, "Add identifiers and traits")
    press(page, "Add identifier")
    for label in ("User ID", "Anonymous ID"):
        page.get_by_text(label, exact=True).first.click()
    press(page, "Add identifiers")
    expect(page.get_by_role("dialog")).to_have_count(0)
    screen.settle()
    see(page, "anonymous_id")
    press(page, "Add computed traits")
    press(page, "Save")
    screen.settle()
    press(page, "Check configuration")
    screen.settle()
    press(page, "Enable Sources and Test Connections")
    see(page, "Websites and apps send what people view")
    see(page, "Return to Flex")
    screen.settle()
    screen.shoot("website-checks")
    expect(page.get_by_text("The warehouse accepts the connection")).to_have_count(0)


def test_the_screens_of_an_app_fit_a_phone_and_read_well(
    start_app: Callable[..., str], open_screen: Callable[..., Any]
) -> None:
    address = start_app(ROOT / "app.py")
    screen = open_screen("phone-dark")
    page = screen.open(address)
    confirm_website(page)
    screen.shoot("mobile-home")
    page.get_by_role("button", name="Connect Source").last.click()
    page.get_by_label("Source name").fill("Shop for Android")
    page.get_by_text("Android", exact=True).click()
    screen.shoot("mobile-form")
    press(page, "Create Source")
    see(page, "Add the Analytics dependency")
    screen.settle()
    screen.shoot("mobile-install")
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, "nothing is wider than the screen"
    press(page, "Next")
    see(page, "Let's test out your connection")
    screen.shoot("mobile-test")
    press(page, "Skip this step")
    see(page, "its test was skipped")
    screen.settle()
    screen.shoot("mobile-done")
