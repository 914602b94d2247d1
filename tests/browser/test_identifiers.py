"""Identifiers as a person creates, edits and deletes them: what is pressed inside popups, and what a refresh shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.identity.rules import IdentifierRule, list_rules
from core.setup.guided_setup import get_setup
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.browser.person import SLOW_MS, choose, fill, press, see


def read_rules(home: Path) -> dict[str, IdentifierRule]:
    workspace = open_workspace(str(home / "onramp"))
    try:
        return {rule.type: rule for rule in list_rules(workspace, get_setup(workspace).space_id)}
    finally:
        workspace.close()


def row(page: object, type_: str) -> object:
    return page.locator(f".st-key-identifier_{type_}")


def open_menu(page: object, type_: str, action: str) -> object:
    """Press Edit or Delete in the menu of an identifier; return the popup."""
    row(page, type_).get_by_role("button").first.click(timeout=SLOW_MS)
    page.locator(f".st-key-{action.lower()}_{type_}").get_by_role("button").click(timeout=SLOW_MS)
    popup = page.get_by_role("dialog").filter(has_text=f"{action} identifier")
    popup.wait_for(timeout=SLOW_MS)
    return popup


def wait_until_closed(screen: object, popup: object) -> None:
    popup.wait_for(state="detached", timeout=SLOW_MS)
    screen.settle()


@pytest.mark.timeout(240)
def test_identifiers_are_created_edited_and_deleted_and_a_refresh_shows_it(
    tmp_path: Path, open_screen: Callable[..., object]
) -> None:
    """W62-W64, W71."""
    home = tmp_path / "home"
    workspace = open_workspace(str(home / "onramp"))
    guided.map_columns(workspace)
    workspace.close()
    with serve(ROOT / "app.py", home) as address:
        screen = open_screen("desktop-light")
        page = screen.open(f"{address}/identifiers-and-traits")

        press(page, "Add identifier")
        popup = page.get_by_role("dialog")
        for label in ("User ID", "Email"):
            popup.get_by_text(label, exact=True).first.click(timeout=SLOW_MS)
        press(page, "Add identifiers")
        wait_until_closed(screen, popup)
        press(page, "Add identifier")
        page.get_by_role("tab", name="Create identifier").click(timeout=SLOW_MS)
        fill(page, "Name", "loyaltyCard")
        fill(page, "Key of the trait or property", "cardNumber")
        fill(page, "Values for one profile", "2")
        choose(page, "Within", "Monthly")
        screen.shoot("identifier-create")
        press(page, "Create identifier")
        wait_until_closed(screen, popup)
        see(
            row(page, "loyalty_card"),
            "Priority 3 · from card_number · up to 2 values for one profile a month · 4 blocked values",
        )

        popup = open_menu(page, "loyalty_card", "Edit")
        assert popup.get_by_role("spinbutton", name="Priority, from 1 (strongest) to 3").get_attribute("max") == "3"
        fill(popup, "Key of the trait or property", "loyalty_number")
        fill(popup, "Values for one profile", "7")
        screen.shoot("identifier-edit")
        fill(popup, "Priority", "1")
        fill(popup, "Blocked values", "n/a\nunknown")
        fill(popup, "Blocked patterns", "^test-")
        press(popup, "Save")
        wait_until_closed(screen, popup)
        see(
            row(page, "loyalty_card"),
            "Priority 1 · from loyalty_number · up to 7 values for one profile a month · 3 blocked values",
        )
        see(row(page, "user_id"), "Priority 2")
        rule = read_rules(home)["loyalty_card"]
        assert (rule.blocked_exact, rule.blocked_patterns) == (("n/a", "unknown"), ("^test-",))

        popup = open_menu(page, "loyalty_card", "Edit")
        press(popup, "See what would change")
        see(popup, "No profile would change.")
        fill(popup, "Blocked patterns", "([")
        press(popup, "Save")
        see(popup, re.compile("pattern"))
        screen.shoot("identifier-bad-pattern")
        assert read_rules(home)["loyalty_card"] == rule
        page.keyboard.press("Escape")
        wait_until_closed(screen, popup)

        popup = open_menu(page, "email", "Edit")
        popup.get_by_text("Read properties.email, too").click(timeout=SLOW_MS)
        screen.shoot("identifier-email")
        press(popup, "Save")
        wait_until_closed(screen, popup)
        see(row(page, "email"), "also from properties")
        for type_ in ("loyalty_card", "email"):
            popup = open_menu(page, type_, "Delete")
            press(popup, "Delete")
            wait_until_closed(screen, popup)
            row(page, type_).wait_for(state="detached", timeout=SLOW_MS)
        page.reload()
        screen.settle()
        see(row(page, "user_id"), "Priority 1")
        expect(row(page, "email")).to_have_count(0)
        row(page, "user_id").get_by_role("button").first.click()
        assert page.locator(".st-key-delete_user_id").get_by_role("button").is_disabled()
        screen.shoot("identifier-last")
    assert list(read_rules(home)) == ["user_id"]
