"""Hosted warehouses in a real browser: the forms of Postgres, Redshift and BigQuery, and Postgres up to profiles."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.setup.guided_setup import get_setup
from core.warehouses.registry import get_definition
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.browser.person import SLOW_MS, fill, fill_form, press, see, write_sql
from tests.hosted import ROWS, SERVERS, Form, postgres_form, refused_form

LOCAL_REFUSALS = {  # what this side finds wrong before anything is asked: field, what is typed, what is told
    "postgres": ("Port", "70000", "Port cannot be"),
    "redshift": (
        "Host",
        "examplecluster.abc123.us-west-2.redshift.amazonaws.com:5439/dev",
        "is not the name of a server",
    ),
    "bigquery": ("Service account key", '{"type": "authorized_user"}', "This file is"),
}
GRANTED_TO = {"postgres": 'TO "crm_reader"', "redshift": 'CREATE USER "crm_reader"', "bigquery": "crm-project-1"}
GUIDE_FIELD = {
    "postgres": ("User", "crm_reader"),
    "redshift": ("User", "crm_reader"),
    "bigquery": ("Project ID", "crm-project-1"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose step 1 is done."""
    folder = tmp_path / "home"
    workspace = open_workspace(str(folder / "onramp"))
    guided.confirm(workspace)
    workspace.close()
    return folder


def count_warehouses(home: Path) -> int:
    workspace = open_workspace(str(home / "onramp"))
    try:
        return len(list_warehouses(workspace))
    finally:
        workspace.close()


def open_form(screen: object, address: str, kind: str) -> None:
    page = screen.open(f"{address}/connect-warehouse?kind={kind}")
    see(page, "What the owner of the warehouse runs once")
    screen.settle()


def require_calm(page: object, form: Form) -> None:
    """No secret is told on the page, beside the field it was typed into, and the page does not scroll sideways."""
    told = page.locator("body").inner_text()
    assert not [part for part in form.secret_parts if part in told]
    assert page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0


def refuse_form(screen: object, refused: Form) -> None:
    """Fill the form that is open; see what this side refuses, told at the field, then what the warehouse refuses."""
    page, kind = screen.page, refused.kind
    screen.shoot(f"{kind}-empty")
    fill_form(screen, refused)
    label, typed, told = LOCAL_REFUSALS[kind]
    right = page.get_by_label(re.compile(f"^{label}")).first.input_value()
    fill(page, label, typed)
    press(page, "Save")
    see(page, told)
    screen.settle()
    expect(page.get_by_text(told).filter(visible=True), "below the button and at the field").to_have_count(2)
    screen.shoot(f"{kind}-refused-here")

    fill(page, label, right)
    press(page, "Save")
    see(page, refused.told)
    screen.settle()
    expect(page.get_by_text(refused.told).filter(visible=True)).to_have_count(1 + bool(refused.field))
    if refused.grant:
        see(page, "What its owner runs to allow it:")
        asked = page.get_by_test_id("stVerticalBlock").filter(has_text="What its owner runs to allow it:").last
        expect(asked.get_by_test_id("stCode").first).to_contain_text(refused.grant)
    said = page.locator("details", has_text="What the warehouse said")
    assert said.get_attribute("open") is None, "the words of the vendor are folded"
    said.locator("summary").click()
    said.get_by_test_id("stCode").wait_for(timeout=SLOW_MS)
    screen.shoot(f"{kind}-refused")
    require_calm(page, refused)


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("kind", "screen_name"), [("redshift", "phone-light"), ("bigquery", "phone-dark")])
def test_a_form_on_a_phone_is_refused_with_a_cause_and_what_allows_it(
    home: Path, open_screen: Callable[..., object], request: pytest.FixtureRequest, kind: str, screen_name: str
) -> None:
    """W25-W27; tests/pages connects each kind."""
    server = request.getfixturevalue(SERVERS[kind])
    with serve(ROOT / "app.py", home) as address, refused_form(kind, server) as refused:
        screen = open_screen(screen_name)
        open_form(screen, address, kind)
        refuse_form(screen, refused)
    assert count_warehouses(home) == 0


@pytest.mark.timeout(120)
def test_the_guide_is_filled_with_the_names_typed_and_copied_by_one_press(
    home: Path, open_screen: Callable[..., object]
) -> None:
    with serve(ROOT / "app.py", home) as address:
        screen = open_screen("desktop-dark")
        page = screen.open(address)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        for kind, (label, name) in GUIDE_FIELD.items():
            screen.turn_to(f"/connect-warehouse?kind={kind}")
            fill(page, label, name)
            block = page.get_by_test_id("stCode").filter(has_text=GRANTED_TO[kind]).first
            block.wait_for(timeout=SLOW_MS)
            screen.settle()
            block.get_by_role("button", name="Copy to clipboard").click()
            copied = page.evaluate("() => navigator.clipboard.readText()")
            guides = get_definition(kind).write_guide({"project" if kind == "bigquery" else "user": name})
            assert copied in [guide.text for guide in guides], kind


@pytest.mark.timeout(300)
def test_a_stranger_goes_from_a_refused_form_of_postgres_to_passed_checks_and_profiles(
    home: Path, open_screen: Callable[..., object], warehouse_server: object
) -> None:
    """W24-W35, W38, W41, W61-W67, W71, W84-W87."""
    working = postgres_form(warehouse_server)
    with serve(ROOT / "app.py", home) as address, refused_form("postgres", warehouse_server) as refused:
        screen = open_screen("desktop-light")
        page = screen.open(address)
        press(page, "Connect data warehouse")
        see(page, "Available warehouses")
        page.get_by_text("Postgres", exact=True).first.click()
        screen.settle()
        press(page, "Next")
        see(page, "What the owner of the warehouse runs once")
        screen.settle()
        refuse_form(screen, refused)
        assert count_warehouses(home) == 0
        fill_form(screen, working)
        press(page, "Save")
        see(page, "is connected.")
        screen.settle()
        see(page, "only changed rows leave it")
        require_calm(page, working)
        content = page.content()
        assert not [part for part in working.secret_parts if part in content]
        screen.shoot("postgres-connected")
        press(page, "Next")

        press(page, "Define Model")
        write_sql(page, "SELECT id, email, phone, seen FROM public.customers")
        press(page, "Preview")  # at once: the editor reports by itself only a while after the last key
        see(page, f"is unique and filled in all {ROWS} rows")
        screen.settle()
        screen.shoot("postgres-model")
        press(page, "Next")

        press(page, "Create Mapping")
        page.get_by_role("button", name=re.compile("Accept all")).first.click(timeout=SLOW_MS)
        see(page, f"Checked on all {ROWS} rows")
        screen.settle()
        screen.shoot("postgres-mapping")
        press(page, "Create mapping")

        press(page, "Add identifiers and traits")
        press(page, "Add identifier")
        for label in ("User ID", "Email"):
            page.get_by_text(label, exact=True).first.click(timeout=SLOW_MS)
        press(page, "Add identifiers")
        expect(page.get_by_role("dialog")).to_have_count(0)
        screen.settle()
        see(page, "Priority 2")
        press(page, "Add computed traits")
        page.get_by_text("Total inbounds").first.click(timeout=SLOW_MS)
        press(page, "Save")
        press(page, "Check configuration")
        press(page, "Enable Sources and Test Connections")
        see(page, "Everything is connected")
        screen.settle()
        screen.shoot("postgres-checks")
        expect(page.get_by_role("link", name="Return to Flex")).to_have_count(1)

        for _ in range(60):  # the worker delivers the first run and builds the profiles meanwhile
            screen.turn_to(f"/profile-explorer?profile_search=c{ROWS}@example.com")
            if page.get_by_role("button", name="Open").count():
                break
            page.wait_for_timeout(250)
            screen.turn_to("/")
        press(page, "Open")
        see(page, "How to reach and recognise them")
        screen.shoot("postgres-profile")
    workspace = open_workspace(str(home / "onramp"))
    assert get_setup(workspace).check_passed
    workspace.close()
