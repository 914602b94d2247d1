"""The demo website and the demo phone from the test screens: only this machine is asked, and all of it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.setup import guided_setup
from core.setup.guided_setup import MobileSystem
from core.workspaces.workspace import Workspace, open_workspace, request_access
from tests.browser.axe_faults import find_faults
from tests.browser.conftest import ROOT, STATIC
from tests.browser.person import press, see
from tests.browser.website import wait_for

pytestmark = [
    pytest.mark.skipif(not (STATIC / "analytics-next").is_dir(), reason="not built: python frontend/build.py"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "onramp"))
    request_access(opened)
    guided_setup.confirm_branch(opened, "website_or_mobile")
    yield opened
    opened.close()


@pytest.fixture
def address(start_app: Callable[..., str], workspace: Workspace) -> str:
    return start_app(ROOT / "app.py", ONRAMP_HOME=str(workspace.home.root), ONRAMP_WORKER="off")


def test_w49_the_demo_website_is_opened_from_the_test_and_its_pages_and_its_visitor_arrive(
    open_screen: Callable[..., Any], workspace: Workspace, address: str
) -> None:
    guided_setup.connect_website(workspace, name="Shop", website_url="https://www.example.com")
    screen = open_screen("phone-dark")
    page = screen.open(f"{address}/connect-website?step=test")
    screen.shoot("demo-website-test")
    asked: set[str] = set()
    page.context.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the demo website").click()
    site = opened.value
    shown = type(screen)(site, screen.name)
    see(page, "Home · Sunny Hollow (demo)")  # by itself: nobody has pressed anything
    screen.shoot("demo-website-seen")

    for scheme in ("light", "dark"):
        site.emulate_media(color_scheme=scheme)
        shown.shoot(f"demo-home-{scheme}")
        assert find_faults(site, within="body") == [], scheme
    site.get_by_role("link", name="Heat pump").click()
    press(site, "Add to basket")
    see(site, "It is in your basket")
    shown.shoot("demo-product")
    assert find_faults(site, within="body") == []
    site.get_by_role("link", name="Go to basket").click()
    see(site, "$11,480.00")
    shown.shoot("demo-basket")
    assert find_faults(site, within="body") == []
    press(site, "Order")
    see(site, "Nothing is charged")
    site.get_by_role("link", name="Contact").click()
    site.get_by_label("Name").fill("Ada Byron")
    site.get_by_label("E-mail").fill("ada@example.com")
    site.get_by_label("Phone").fill("+14155550100")
    shown.shoot("demo-contact")
    assert find_faults(site, within="body") == []
    press(site, "Send")
    see(site, "belongs to a person with a name")
    see(site, "identify ada@example.com")
    assert site.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    press(site, "New visitor")
    site.wait_for_function("() => document.getElementById('calls').children.length === 1")
    messages = wait_for(workspace, 11)

    assert {host for host in asked if host} == {urlsplit(address).netloc}
    assert shown.errors == []
    told = [message.get("event") or message["type"] for message in messages]
    assert told.count("page") == 5
    assert sorted(name for name in told if name != "page") == [
        "Call Requested", "Cart Viewed", "Order Completed", "Product Added", "Product Viewed", "identify",
    ]  # fmt: skip
    (identify,) = (message for message in messages if message["type"] == "identify")
    assert identify["traits"] == {"name": "Ada Byron", "email": "ada@example.com", "phone": "+14155550100"}
    paths = {message["context"]["page"]["path"] for message in messages}
    assert paths == {"/", "/products/heat-pump", "/basket", "/contact"}
    visitors = [message["anonymousId"] for message in messages]
    assert len(set(visitors)) == 2, "the new visitor is another person"
    assert visitors.count(visitors[-1]) == 1


def test_w57_the_demo_phone_views_two_screens_and_they_are_detected(
    open_screen: Callable[..., Any], workspace: Workspace, address: str
) -> None:
    guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App")
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/connect-mobile?step=test")
    screen.shoot("demo-phone-test")
    press(page, "Let the demo phone view two screens")
    see(page, "4 events so far")
    screen.settle()
    screen.shoot("demo-phone-seen")
    assert [message["name"] for message in wait_for(workspace, 4) if message["type"] == "screen"] == [
        "Home",
        "Heat pumps",
    ]
