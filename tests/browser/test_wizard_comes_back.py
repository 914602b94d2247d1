"""The guided setup goes on where it was: after a restart, with the Back button, on a phone, beside another browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.setup.guided_setup import get_setup
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import serve
from tests.browser.person import SLOW_MS, press, see, write_sql

ROOT = Path(__file__).resolve().parents[2]


def see_sql(page: object, sql: str) -> None:
    """Wait until the editor holds a text."""
    page.locator(".cm-content").filter(has_text=sql).wait_for(timeout=SLOW_MS)


def read_draft(home: Path) -> str:
    """Return the SQL that is saved."""
    workspace = open_workspace(str(home / "onramp"))
    try:
        return get_setup(workspace).draft.sql
    finally:
        workspace.close()


@pytest.mark.timeout(300)
def test_refresh_restart_back_and_a_phone_go_on_in_place(tmp_path: Path, open_screen: Callable[..., object]) -> None:
    """W5, W13, W17, W30: one home, two servers after each other, a desktop and then a phone."""
    home = tmp_path / "home"
    workspace = open_workspace(str(home / "onramp"))
    guided.confirm(workspace)
    guided.make_warehouse_file(workspace, file="demo.duckdb", rows=40)
    workspace.close()

    with serve(ROOT / "app.py", home) as address:
        screen = open_screen("desktop-light")
        page = screen.open(address)
        press(page, "Connect data warehouse")
        see(page, "Available warehouses")
        press(page, "Next")
        see(page, "What Save does")
        page.go_back()
        see(page, "Available warehouses")
        page.go_back()
        see(page, "Connect your customer data now")
        screen.turn_to("/define-model")
        see(page, "There is no warehouse to ask yet")
        screen.turn_to("/connect-warehouse?kind=duckdb")
        press(page, "Save")
        see(page, "is connected.")
        press(page, "Next")
        press(page, "Define Model")
        write_sql(page, guided.SQL)
        page.keyboard.press("Control+Enter")
        see(page, "is unique and filled in all 40 rows")
        page.reload()
        see_sql(page, "FROM customers")
        see(page, "is unique and filled in all 40 rows")
        screen.settle()

    with serve(ROOT / "app.py", home) as address:
        phone = open_screen("phone-light")
        page = phone.open(f"{address}/define-model")
        see_sql(page, "FROM customers")
        see(page, "is unique and filled in all 40 rows")
        phone.shoot("phone-model")
        press(page, "Next")
        see(page, "one row for each id")
        press(page, "Create Mapping")
        page.get_by_role("button", name=re.compile("Accept all")).first.tap(timeout=SLOW_MS)
        see(page, "Checked on all 40 rows")
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390, "the phone scrolls sideways"
        phone.shoot("phone-mapping")
        press(page, "Create mapping")
        press(page, "Add identifiers and traits")
        see(page, "unique pieces of data")
        see(page, "Add at least one identifier.")
        page.go_back()
        see(page, "Connect your customer data now")


@pytest.mark.timeout(200)
def test_a_second_browser_is_told_and_neither_loses_what_it_typed(
    tmp_path: Path, open_screen: Callable[..., object]
) -> None:
    """Two people on one setup: each sees the other's text before one of the two is chosen."""
    home = tmp_path / "home"
    workspace = open_workspace(str(home / "onramp"))
    guided.connect(workspace)
    workspace.close()
    with serve(ROOT / "app.py", home) as address:
        first, second = open_screen("desktop-light"), open_screen("desktop-dark")
        one = first.open(f"{address}/define-model")
        write_sql(one, "SELECT 1 AS first")
        see(one, "Press Preview to see ten records.")
        two = second.open(f"{address}/define-model")
        see_sql(two, "SELECT 1 AS first")
        write_sql(two, "SELECT 2 AS second")
        two.wait_for_timeout(1000)  # the editor reports 600 ms after the last key
        second.settle()
        assert read_draft(home) == "SELECT 2 AS second"

        write_sql(one, "SELECT 11 AS first")
        see(one, "This was changed in another browser or tab while you were editing it.")
        see_sql(one, "SELECT 11 AS first")
        first.shoot("two-browsers")
        assert read_draft(home) == "SELECT 2 AS second"
        press(one, "Keep mine")
        # while the page is drawn anew the old sentence and the new one may both stand there for a moment
        one.wait_for_function("() => !document.body.innerText.includes('while you were editing it')", timeout=SLOW_MS)
        first.settle()
        assert read_draft(home) == "SELECT 11 AS first"


@pytest.mark.timeout(120)
def test_a_query_that_never_ends_is_cancelled_on_the_page(tmp_path: Path, open_screen: Callable[..., object]) -> None:
    """Cancel and a time-out on every query."""
    home = tmp_path / "home"
    workspace = open_workspace(str(home / "onramp"))
    guided.connect(workspace)
    workspace.close()
    with serve(ROOT / "app.py", home) as address:
        screen = open_screen("desktop-light")
        page = screen.open(f"{address}/define-model")
        write_sql(page, "SELECT count(*) AS id FROM range(30000000000) AS a(i), range(1000) AS b(j) WHERE i % 7 = j")
        page.keyboard.press("Control+Enter")
        see(page, "of 30 allowed seconds")
        screen.shoot("running")
        press(page, "Cancel")
        see(page, "The query was stopped")
        screen.shoot("cancelled")
        write_sql(page, guided.SQL)
        page.keyboard.press("Control+Enter")
        see(page, "is unique and filled in all 12 rows")
