"""The SQL editor in a real browser: typing, completion, Ctrl+Enter, error mark, both themes, without a build."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from components.assets import are_assets_built
from tests.browser.axe_faults import find_faults
from tests.browser.person import wait_for_value

needs_build = pytest.mark.skipif(
    not are_assets_built(), reason="the browser assets are not built: python frontend/build.py"
)
START = "select customer_id\nfrom salesforce.accounts\n"


@pytest.fixture(scope="module")
def address(start_app):
    return start_app("sql_editor_app.py")


def wait_for_result(screen, expected):
    wait_for_value(screen, lambda: json.loads(screen.page.get_by_test_id("result").inner_text()), expected)


@pytest.fixture
def open_editor(address, open_small_app):
    def open_at_its_end(name="desktop-light", **query):
        screen = open_small_app(address, name, **query)
        put_cursor_at_end(screen.page)
        return screen

    return open_at_its_end


def put_cursor_at_end(page):
    page.locator(".cm-content").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")


@needs_build
def test_typed_text_is_reported_after_a_pause(open_editor):
    screen = open_editor()
    page = screen.page
    page.keyboard.type("where true")
    wait_for_result(screen, [START + "where true", 0])


@needs_build
def test_ctrl_enter_runs_with_the_text_of_that_moment(open_editor):
    screen = open_editor()
    page = screen.page
    page.keyboard.type("limit 5")
    page.keyboard.press("Control+Enter")
    wait_for_result(screen, [START + "limit 5", 1])


@needs_build
def test_tables_complete_with_and_without_their_schema(open_editor):
    screen = open_editor()
    page = screen.page
    for typed, expected in (("sales", "salesforce"), ("salesforce.acc", "accounts"), ("orde", "orders")):
        page.keyboard.press("Control+a")
        page.keyboard.type(f"select * from {typed}")
        page.locator(".cm-tooltip-autocomplete").get_by_text(expected, exact=True).wait_for()


@needs_build
def test_columns_complete_after_an_alias_and_alone(open_editor):
    screen = open_editor()
    page = screen.page
    page.keyboard.press("Control+a")
    page.keyboard.type("select  from salesforce.accounts a")
    for _ in range(len(" from salesforce.accounts a")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.type("a.bill")
    page.locator(".cm-tooltip-autocomplete").get_by_text("billing_country", exact=True).wait_for()
    page.wait_for_timeout(150)  # CodeMirror takes no Enter in the first 75 ms of a list
    page.keyboard.press("Enter")
    page.keyboard.type(", pho")
    page.locator(".cm-tooltip-autocomplete").get_by_text("phone", exact=True).wait_for()
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")
    wait_for_result(screen, ["select a.billing_country, phone from salesforce.accounts a", 0])


@needs_build
def test_the_list_of_completions_closes_when_the_query_is_run(open_editor):
    screen = open_editor()
    page = screen.page
    page.keyboard.press("Control+a")
    page.keyboard.type("select * from orde")
    page.locator(".cm-tooltip-autocomplete").get_by_text("orders", exact=True).wait_for()
    page.keyboard.press("Control+Enter")
    wait_for_result(screen, ["select * from orde", 1])
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)


@needs_build
def test_a_text_changed_elsewhere_replaces_what_is_shown(open_editor):
    screen = open_editor()
    page = screen.page
    page.keyboard.type("typed")
    wait_for_result(screen, [START + "typed", 0])
    page.get_by_role("button", name="Take a sample").click()
    wait_for_result(screen, ["select 1 as sample", 0])
    expect(page.locator(".cm-content")).to_have_text("select 1 as sample")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(", 2")
    wait_for_result(screen, ["select 1 as sample, 2", 0])


@needs_build
def test_the_place_of_an_error_is_marked(open_editor):
    page = open_editor(error=1).page
    expect(page.locator(".cm-lintRange-error")).to_have_text("salesforce")
    page.locator(".cm-lint-marker-error").hover()
    page.get_by_text("There is no column here.").first.wait_for()


@needs_build
@pytest.mark.parametrize("name", ["desktop-light", "phone-dark"])
def test_no_serious_accessibility_fault_and_no_ligature(open_editor, name):
    screen = open_editor(name, error=1)
    page = screen.page
    page.keyboard.type("where phone <> '' -- none")
    page.wait_for_timeout(900)
    screen.shoot("sql")
    ligatures = page.locator(".cm-scroller").evaluate("element => getComputedStyle(element).fontVariantLigatures")
    assert ligatures == "none"
    assert find_faults(page) == []


def test_without_a_bundle_a_plain_text_box_takes_its_place(start_app, open_screen, tmp_path):
    address = start_app("sql_editor_app.py", ONRAMP_STATIC=str(tmp_path))
    screen = open_screen()
    page = screen.open(address)
    box = page.get_by_label("SQL")
    assert box.input_value() == START
    box.fill("select 2")
    box.press("Control+Enter")
    wait_for_result(screen, ["select 2", 0])
    page.get_by_role("button", name="Take a sample").click()
    wait_for_result(screen, ["select 1 as sample", 0])
    assert box.input_value() == "select 1 as sample"


@needs_build
def test_a_browser_that_cannot_load_the_bundle_gets_the_plain_text_box(address, open_screen):
    screen = open_screen()
    screen.page.route("**/sql_editor.js*", lambda route: route.abort())
    page = screen.open(address)
    box = page.get_by_label("SQL")
    box.wait_for()
    assert box.input_value() == START
