"""The mapping editor in a real browser: mouse, finger, keyboard, picker, undo, size, both themes (W32, W33)."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser.axe_faults import find_faults
from tests.browser.person import wait_for_value


@pytest.fixture(scope="module")
def open_editor(start_app, open_small_app):
    return partial(open_small_app, start_app("mapping_app.py"))


def read_mapping(screen):
    """Return {target: value} once the page shows what the browser holds."""
    screen.settle()
    text = screen.page.get_by_test_id("result").inner_text()
    return {
        entry["field"] if entry["key"] is None else f"{entry['field']}.{entry['key']}": next(
            iter(entry["value"].values())
        )
        for entry in json.loads(text)["entries"]
    }


def wait_for_mapping(screen, expected):
    wait_for_value(screen, lambda: read_mapping(screen), expected)


def chip(page, name):
    return page.locator(f'.chip[data-column="{name}"]')


def slot(page, label):
    return page.locator(f'.row[data-field="{label}"] .slot')


def focused_label(page):
    return page.evaluate(
        "() => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement;"
        " return a?.getAttribute('aria-label') ?? '' }"
    )


def test_a_column_is_dragged_onto_a_field_with_the_mouse(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "user_id").drag_to(slot(page, "user_id"))
    wait_for_mapping(screen, {"user_id": "user_id"})
    assert "used" in chip(page, "user_id").get_attribute("class")


def test_a_mapped_column_is_dragged_on_to_another_field_and_leaves_the_first(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "email").drag_to(slot(page, "user_id"))
    wait_for_mapping(screen, {"user_id": "email"})
    slot(page, "user_id").drag_to(slot(page, "anonymous_id"))
    wait_for_mapping(screen, {"anonymous_id": "email"})
    page.get_by_role("button", name="Undo").click()
    wait_for_mapping(screen, {"user_id": "email"})


def test_a_column_dropped_on_the_trait_area_becomes_a_trait_of_its_name(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "plan").drag_to(page.locator(".free"))
    wait_for_mapping(screen, {"traits.plan": "plan"})


def test_a_drag_that_ends_nowhere_or_is_escaped_changes_nothing(open_editor):
    screen = open_editor()
    page = screen.page
    start = chip(page, "plan").bounding_box()
    goal = slot(page, "user_id").bounding_box()
    page.mouse.move(start["x"] + 40, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(goal["x"] + 40, goal["y"] + 10, steps=5)
    page.keyboard.press("Escape")
    page.mouse.up()
    chip(page, "email").drag_to(page.locator(".bar .count"))
    assert read_mapping(screen) == {}
    expect(page.locator(".ghost")).to_have_count(0)


def test_a_column_is_dragged_with_a_finger_by_its_grip(open_editor):
    screen = open_editor("phone-light")
    page = screen.page
    touch = page.context.new_cdp_session(page)
    start = chip(page, "first_name").locator(".grip").bounding_box()
    goal = slot(page, "user_id").bounding_box()
    x, y = start["x"] + 10, start["y"] + 10
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        point = {"x": x + (goal["x"] + 40 - x) * step / 10, "y": y + (goal["y"] + 15 - y) * step / 10}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_for_mapping(screen, {"user_id": "first_name"})


def test_a_finger_drags_a_chip_after_a_short_hold_and_scrolls_the_list_without_one(open_editor):
    screen = open_editor("phone-light")
    page = screen.page
    touch = page.context.new_cdp_session(page)
    start = chip(page, "first_name").locator(".name").bounding_box()
    goal = slot(page, "user_id").bounding_box()
    x, y = start["x"] + 60, start["y"] + 8

    def swipe(to_x, to_y, hold_ms):
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(hold_ms)
        for step in range(1, 11):
            point = {"x": x + (to_x - x) * step / 10, "y": y + (to_y - y) * step / 10}
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(x, y - 100, hold_ms=0)
    page.wait_for_timeout(300)
    assert page.locator(".chips").evaluate("list => list.scrollTop") > 0
    assert read_mapping(screen) == {}
    page.locator(".chips").evaluate("list => { list.scrollTop = 0 }")
    swipe(goal["x"] + 40, goal["y"] + 15, hold_ms=400)
    wait_for_mapping(screen, {"user_id": "first_name"})


def test_a_finger_can_tap_a_column_and_then_a_field(open_editor):
    screen = open_editor("phone-light")
    page = screen.page
    chip(page, "email").tap()
    expect(page.locator(".count")).to_contain_text("email is picked up")
    slot(page, "user_id").tap()
    wait_for_mapping(screen, {"user_id": "email"})


def test_the_keyboard_alone_maps_moves_clears_and_undoes(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "user_id").focus()
    page.keyboard.press("ArrowDown")
    assert focused_label(page).startswith("email")
    page.keyboard.press("Enter")
    assert focused_label(page).startswith("Profile Space")  # the first empty field
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_for_mapping(screen, {"user_id": "email"})
    assert focused_label(page).startswith("User ID: column email")  # the focus outlives the redraw
    page.keyboard.press("Delete")
    wait_for_mapping(screen, {})
    page.keyboard.press("Control+z")
    wait_for_mapping(screen, {"user_id": "email"})
    page.keyboard.press("Control+Shift+z")
    wait_for_mapping(screen, {})
    expect(page.locator(".live")).to_have_text("Redone")


def test_escape_puts_a_picked_up_column_back(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "plan").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert focused_label(page).startswith("plan")
    expect(page.locator(".holding")).to_have_count(0)


def test_choosing_a_field_opens_a_search_over_the_columns_that_says_when_nothing_matches_w33(open_editor):
    screen = open_editor()
    page = screen.page
    slot(page, "user_id").click()
    expect(page.get_by_role("option")).to_have_count(10)
    page.keyboard.type("nothing like it")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".picker")).to_have_count(0)
    assert focused_label(page).startswith("User ID")
    assert read_mapping(screen) == {}
    slot(page, "user_id").click()
    page.keyboard.type("name")
    assert page.get_by_role("option").all_inner_texts()[0].startswith("first_name")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_for_mapping(screen, {"user_id": "last_name"})
    assert focused_label(page).startswith("User ID: column last_name")


def test_a_field_with_choices_offers_only_these(open_editor):
    screen = open_editor()
    page = screen.page
    slot(page, "engage_space").click()
    assert [text.split("\n")[0] for text in page.get_by_role("option").all_inner_texts()] == [
        "Development",
        "Production",
    ]
    page.get_by_role("option", name="Production").click()
    wait_for_mapping(screen, {"engage_space": "spa_2"})
    expect(slot(page, "engage_space")).to_have_text("Production")


def test_a_field_takes_a_constant_of_each_type_and_refuses_in_words_what_is_not_a_number(open_editor):
    screen = open_editor()
    page = screen.page

    def open_constant(kind):
        slot(page, "group_id").click()
        page.get_by_role("button", name="Use a constant instead").click()
        page.get_by_label("Type of the constant").select_option(kind)

    open_constant("number")
    page.get_by_label("Value", exact=True).fill("forty-two")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not a number.")).to_be_visible()
    assert read_mapping(screen) == {}
    page.keyboard.press("Escape")
    for kind, typed, expected in (
        ("text", "gold", "gold"),
        ("number", "42.5", 42.5),
        ("boolean", None, True),
        ("null", None, None),
    ):
        open_constant(kind)
        if typed is not None:
            page.get_by_label("Value", exact=True).fill(typed)
        page.get_by_role("button", name="Use constant").click()
        wait_for_mapping(screen, {"group_id": expected})


def test_suggestions_show_their_reason_and_are_accepted_one_by_one_or_all_and_undone(open_editor):
    screen = open_editor()
    page = screen.page
    expect(page.get_by_text("Looks like e-mail addresses")).to_be_visible()
    page.locator('.hint[data-field="user_id"]').click()
    wait_for_mapping(screen, {"user_id": "user_id"})
    page.get_by_role("button", name="Accept all 2 suggestions").click()
    wait_for_mapping(screen, {"user_id": "user_id", "traits.email": "email", "traits.phone": "phone"})
    page.get_by_role("button", name="Undo").click()
    wait_for_mapping(screen, {"user_id": "user_id"})


def test_traits_are_added_named_renamed_and_removed(open_editor):
    screen = open_editor()
    page = screen.page
    page.get_by_role("button", name="+ Add trait").click()
    page.keyboard.type("tier")
    page.keyboard.press("Enter")
    assert focused_label(page).startswith("tier: empty")
    page.keyboard.press("Enter")
    page.keyboard.type("plan")
    page.keyboard.press("Enter")
    wait_for_mapping(screen, {"traits.tier": "plan"})
    name = page.get_by_label("Name of trait tier")
    name.fill("Kundenstufe ü")
    name.press("Enter")
    wait_for_mapping(screen, {"traits.Kundenstufe ü": "plan"})
    page.get_by_role("button", name="Remove Kundenstufe ü").click()
    wait_for_mapping(screen, {})


def test_a_trait_name_is_refused_when_it_is_taken_or_empty(open_editor):
    screen = open_editor()
    page = screen.page
    page.get_by_role("button", name="Accept all 3 suggestions").click()
    name = page.get_by_label("Name of trait phone")
    name.fill("email")
    name.press("Enter")
    expect(page.locator(".note.bad")).to_have_text("There is already a trait named email.")
    wait_for_mapping(screen, {"user_id": "user_id", "traits.email": "email", "traits.phone": "phone"})


def test_all_remaining_columns_are_added_as_traits_and_everything_is_cleared(open_editor):
    screen = open_editor()
    page = screen.page
    chip(page, "user_id").drag_to(slot(page, "user_id"))
    page.get_by_role("button", name=re.compile("Add all 9 remaining")).click()
    names = ("email", "first_name", "last_name", "phone", "plan", "created_at", "mrr", "is_vip", "country")
    everything = {"user_id": "user_id", **{f"traits.{name}": name for name in names}}
    wait_for_mapping(screen, everything)
    page.get_by_role("button", name="Clear all").click()
    wait_for_mapping(screen, {})
    page.get_by_role("button", name="Undo").click()
    wait_for_mapping(screen, everything)


def test_a_mapping_changed_elsewhere_is_shown_with_its_vanished_column_and_report(open_editor):
    screen = open_editor()
    page = screen.page
    page.get_by_role("button", name="Load a saved mapping").click()
    page.get_by_text("column is gone").wait_for()
    expect(page.get_by_text("90 % filled · 2,000 nulls · 12 failures such as gold?, n/a")).to_be_visible()
    expect(slot(page, "engage_space")).to_have_text("Development")
    saved = {"engage_space": "spa_1", "user_id": "user_id", "traits.plan": "plan", "traits.origin": "warehouse"}
    wait_for_mapping(screen, saved | {"group_id": "a_column_that_is_gone"})
    page.get_by_role("button", name="Clear Group ID").click()
    wait_for_mapping(screen, saved)


def test_the_search_box_filters_the_columns(open_editor):
    screen = open_editor()
    page = screen.page
    page.get_by_label("Search columns").fill("NAME")
    expect(page.locator(".chip:visible")).to_have_count(2)
    page.get_by_label("Search columns").fill("zzz")
    expect(page.locator(".chip:visible")).to_have_count(0)


def test_200_columns_and_200_fields_are_drawn_and_mapped(open_editor):
    screen = open_editor(columns=190, fields=195)
    page = screen.page
    expect(page.locator(".chip")).to_have_count(200)
    page.get_by_label("Search columns").fill("column_150")
    chip(page, "column_150").drag_to(slot(page, "user_id"))
    wait_for_mapping(screen, {"user_id": "column_150"})


def test_in_a_fragment_a_change_does_not_run_the_page_again(open_editor):
    screen = open_editor(fragment=1)
    page = screen.page
    expect(page.get_by_text("page runs 1", exact=True)).to_be_visible()
    chip(page, "user_id").drag_to(slot(page, "user_id"))
    page.wait_for_timeout(500)
    screen.settle()
    expect(page.get_by_text("page runs 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run the page").click()
    wait_for_mapping(screen, {"user_id": "user_id"})


@pytest.mark.parametrize("name", ["desktop-light", "phone-dark"])
def test_no_serious_accessibility_fault_empty_filled_or_with_the_search_open(open_editor, name):
    screen = open_editor(name)
    page = screen.page
    screen.shoot("mapping-empty")
    faults = find_faults(page)
    page.get_by_role("button", name="Load a saved mapping").click()
    page.get_by_text("column is gone").wait_for()
    screen.settle()
    screen.shoot("mapping-filled")
    faults += find_faults(page)
    slot(page, "user_id").click()
    page.get_by_role("option").first.wait_for()
    screen.shoot("mapping-search")
    faults += find_faults(page)
    assert faults == []
