"""The plain components and the frame in a real browser: steps, tiles, popup, progress, themes, deep links."""

from __future__ import annotations

from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser.axe_faults import find_faults
from tests.browser.conftest import ROOT
from tests.browser.person import wait_for_value


@pytest.fixture(scope="module")
def address(start_app):
    return start_app("gallery_app.py")


@pytest.fixture(scope="module")
def frame_address(start_app):
    return start_app(ROOT / "shell" / "main.py")


@pytest.fixture
def open_controls(address, open_small_app):
    """Open the components that take input, alone: the others take seconds to draw."""
    return partial(open_small_app, address, controls=1)


def wait_for_result(screen, expected):
    wait_for_value(screen, lambda: screen.page.get_by_test_id("result").inner_text(), expected)


def test_a_done_step_is_entered_by_click_and_by_keyboard_and_a_locked_one_is_not(open_controls):
    screen = open_controls()
    page = screen.page
    steps = page.get_by_role("navigation", name="Steps")
    steps.get_by_role("button").nth(0).click()
    wait_for_result(screen, "sources None 0")
    steps.get_by_role("button").nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    wait_for_result(screen, "connections None 0")
    steps.get_by_role("button").nth(3).click(force=True)
    page.wait_for_timeout(300)
    expect(steps.get_by_role("button").nth(3)).to_contain_text("locked: Add identifiers first.")
    wait_for_result(screen, "connections None 0")


def test_on_a_phone_the_strip_of_steps_shows_the_current_one(open_controls):
    screen = open_controls("phone-light")
    page = screen.page
    box = page.locator('[aria-current="step"]').bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_an_open_tile_is_entered_and_a_locked_one_cannot_be(open_controls):
    screen = open_controls()
    page = screen.page
    assert page.locator("[class*=st-key-tiles][class*=_check_open] button").first.is_disabled()
    page.locator("[class*=st-key-tiles][class*=_connections_open] button").click()
    wait_for_result(screen, "None connections 0")


def test_a_popup_acts_on_agreement_only(open_controls):
    screen = open_controls()
    page = screen.page
    page.get_by_role("button", name="Choose for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").wait_for(state="detached")
    wait_for_result(screen, "None None 0")
    page.get_by_role("button", name="Choose for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue").click()
    page.get_by_role("dialog").wait_for(state="detached")
    wait_for_result(screen, "None None 1")


def test_a_popup_whose_action_fails_stays_open_with_the_reason(open_controls):
    page = open_controls(refuse=1).page
    page.get_by_role("button", name="Choose for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue").click()
    page.get_by_role("dialog").get_by_text("Somebody else has chosen already.").wait_for()


def test_progress_refreshes_by_itself_and_redraws_the_page_at_its_end(open_controls):
    open_controls(progress=1).page.get_by_text("The work is done.").wait_for()


@pytest.mark.parametrize("name", ["desktop-light", "phone-dark"])
def test_the_components_have_no_serious_accessibility_fault(address, open_screen, name):
    screen = open_screen(name)
    page = screen.open(address)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 3600})  # nothing is left undrawn
    screen.settle()
    screen.shoot("gallery")
    assert find_faults(page) == []


def test_a_first_visitor_with_a_deep_link_gets_the_menu_and_nothing_is_fetched_from_elsewhere(
    frame_address, open_screen
):
    screen = open_screen()
    asked = []
    screen.page.on("request", lambda request: asked.append(request.url))
    page = screen.open(f"{frame_address}/workspace-settings")
    page.get_by_role("link", name="Getting started with Segment").wait_for()
    assert page.title() == "Workspace settings · Onramp"
    screen.shoot("frame")
    assert [url for url in asked if not url.startswith((frame_address, "data:", "blob:", "ws:"))] == []


def test_hidden_screens_are_reached_by_address_and_are_not_in_the_menu(frame_address, open_screen):
    screen = open_screen()
    page = screen.open(frame_address)
    page.get_by_role("heading", name="Getting started with Segment").wait_for()
    links = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    assert [link.split("\n")[-1] for link in links] == [
        "Getting started with Segment",
        "Syncs",
        "Profile explorer",
        "Traits",
        "Predictions",
        "Identity violations",
        "Delivery overview",
        "Event debugger",
        "Spaces",
        "Your Segment Overview",
        "Warehouses",
        "Profiles sync",
        "Profile API",
        "Privacy",
        "Workspace settings",
    ]


@pytest.mark.parametrize(("name", "is_closed"), [("phone-light", "true"), ("desktop-light", "false")])
def test_the_menu_closes_after_a_choice_where_it_lies_over_the_page(frame_address, open_screen, name, is_closed):
    page = open_screen(name).open(frame_address)
    if is_closed == "true":
        page.get_by_test_id("stExpandSidebarButton").click()
    menu = page.get_by_test_id("stSidebar")
    menu.get_by_role("link", name="Spaces", exact=True).click()
    page.get_by_role("heading", name="Spaces", exact=True).wait_for()
    expect(menu).to_have_attribute("data-collapsed", is_closed)


def test_the_home_page_is_reached_by_its_name_too(frame_address, open_screen):
    screen = open_screen()
    page = screen.open(f"{frame_address}/getting-started")
    page.get_by_role("heading", name="Getting started with Segment").wait_for()
    expect(page.get_by_text("Page not found")).to_have_count(0)


MEASURE_1X8 = """async () => {
    await document.fonts.load('14px Inter')
    const host = document.querySelector('[data-testid="stMain"]')
    const draw = (tag, features) => {
        const one = Object.assign(document.createElement(tag), { textContent: '1x8' })
        one.style.cssText = `font: 14px Inter; position: absolute; font-feature-settings: ${features}`
        host.append(one)
        return one
    }
    const widthOf = features => draw('span', features).getBoundingClientRect().width
    const brush = draw('canvas', 'inherit').getContext('2d')
    brush.font = '14px Inter'
    return [widthOf('"calt" 1'), widthOf('"calt" 0'), widthOf('inherit'), brush.measureText('1x8').width]
}"""


def test_the_x_of_an_identifier_is_drawn_as_the_letter_in_a_text_and_in_a_table(frame_address, open_screen):
    """Inter would draw the x between two digits as a sign of multiplication; a table is a canvas."""
    page = open_screen().open(frame_address)
    with_sign, with_letter, in_text, in_table = (round(width, 1) for width in page.evaluate(MEASURE_1X8))
    assert with_sign != with_letter, "the font has no such sign, so this test shows nothing"
    assert (in_text, in_table) == (with_letter, with_letter)
