"""The tables of a hosted warehouse beside the SQL editor: 100 tables of 500 columns, by mouse, keys and touch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.hosted import add_wide_schemas, postgres_form
from tests.postgres import PostgresServer

SLOW_MS = 30_000


@pytest.fixture(scope="module")
def address(warehouse_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    form = postgres_form(warehouse_server)
    add_wide_schemas(warehouse_server, form)
    home = tmp_path_factory.mktemp("home")
    workspace = open_workspace(str(home / "onramp"))
    guided.confirm(workspace)
    form.connect(workspace)
    workspace.close()
    with serve(ROOT / "app.py", home) as served:
        yield served


def see(page: object, text: str | re.Pattern[str]) -> object:
    """Wait until a text is on the page; return where it is."""
    found = page.get_by_text(text).first
    found.wait_for(timeout=SLOW_MS)
    return found


def choose_schema(page: object, name: str) -> None:
    """Choose a schema with the keys alone."""
    box = page.get_by_role("combobox", name=re.compile("Schema"))
    box.focus()
    box.press("ControlOrMeta+a")
    box.type(name)
    box.press("Enter")


@pytest.mark.timeout(200)
def test_tables_are_found_opened_and_completed_and_a_closed_schema_says_why(
    open_screen: Callable[..., object], address: str
) -> None:
    """W29."""
    screen = open_screen("phone-dark")
    page = screen.open(f"{address}/define-model")
    see(page, "customers")
    screen.settle()
    screen.shoot("catalog-first")
    choose_schema(page, "sales")
    see(page, "orders_000")
    screen.settle()
    summary = page.locator("summary", has_text="orders_007")
    summary.focus()
    summary.press("Enter")  # the keys open a table
    see(page, "What was ordered in July")
    see(page, "Net, in euro")
    screen.settle()
    screen.shoot("catalog-table")
    search = page.get_by_placeholder("Find a table or column")
    search.fill("column_49")
    see(page, re.compile("Search the columns of all 100 tables"))
    screen.settle()
    screen.shoot("catalog-search")
    page.get_by_role("button", name=re.compile("Search the columns")).click()
    see(page, "column_499")
    screen.settle()
    screen.shoot("catalog-found")
    search.fill("")
    choose_schema(page, "payroll")
    see(page, "may not use the schema payroll")
    screen.settle()
    screen.shoot("catalog-refused")
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, "the page scrolls sideways"
    editor = page.get_by_role("textbox", name="SQL", exact=True)
    editor.click()
    page.keyboard.type("select * from sales.orders_042 as o where column_33")
    found = page.locator(".cm-tooltip-autocomplete li", has_text="column_330")
    for _ in range(100):  # the columns are read once the text has rested
        page.keyboard.press("Control+Space")
        page.wait_for_timeout(100)
        if found.count():
            break
    found.wait_for(timeout=SLOW_MS)
    screen.shoot("catalog-completion")
