"""analytics.js, unmodified, on a website of another origin: every call arrives once, from a page that is left, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.snippet import make_snippet
from core.sources.store import Source, create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.browser.conftest import ROOT, STATIC
from tests.browser.website import serve_website

pytestmark = pytest.mark.skipif(
    not (STATIC / "analytics-next").is_dir(), reason="the browser assets are not built: python frontend/build.py"
)
PATIENCE_S = 15


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library") / "onramp"


@pytest.fixture(scope="module")
def address(start_app: Callable[..., str], home: Path) -> str:
    return start_app(ROOT / "app.py", ONRAMP_HOME=str(home), ONRAMP_WORKER="off")


@pytest.fixture(scope="module")
def workspace(home: Path, address: str) -> Iterator[Workspace]:
    opened = open_workspace(str(home))
    yield opened
    opened.close()


@pytest.fixture
def source(workspace: Workspace, request: pytest.FixtureRequest) -> Source:
    settings = {"website_url": "https://www.example.com"}
    return create_source(workspace, kind="javascript", name=request.node.name[:100], settings=settings)


@pytest.fixture
def website(tmp_path: Path, source: Source, address: str) -> Iterator[str]:
    """Return the address of a website with the snippet in each of its pages, on another port: another origin."""
    key = str(source.write_key)
    snippet = make_snippet(key, address).replace(f'a.load("{key}")', f'a.load("{key}", window.loadOptions)')
    with serve_website(tmp_path, snippet) as site:
        yield site


def wait_for(workspace: Workspace, source: Source, count: int) -> list[dict[str, Any]]:
    """Return the messages of the source once there are `count`, by the time that the sender gave them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        events = open_event_log(workspace).search(source_id=source.id, limit=1000)
        if len(events) >= count or time.monotonic() > deadline:
            messages = [orjson.loads(event.body) for event in events]
            return sorted(messages, key=lambda message: message["timestamp"])
        time.sleep(0.1)


def test_w45_w49_the_snippet_sends_a_page_from_another_origin(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    open_screen().page.goto(f"{website}/index.html?utm_source=news&utm_campaign=autumn")
    (message,) = wait_for(workspace, source, 1)
    assert message["type"] == "page"
    assert message["context"]["page"]["title"] == "Index"
    assert message["context"]["library"] == {"name": "analytics.js", "version": "next-1.84.3"}
    assert message["context"]["campaign"] == {"source": "news", "name": "autumn"}
    assert message["context"]["ip"] == "127.0.0.1"
    assert message["anonymousId"]
    assert "writeKey" not in message


def test_every_call_arrives_once_with_its_ids(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    page.goto(f"{website}/index.html")
    page.wait_for_function("() => window.analytics.initialized")
    page.evaluate(
        """async () => {
            const a = window.analytics;
            await a.track("Product Viewed", {price: 12.5, tags: ["new"], when: new Date(0), name: "Zo\\u00eb"});
            await a.identify("u-1", {email: "ada@example.com"});
            await a.group("g-1", {plan: "pro"});
            await a.page("Shop", "Basket");
            await a.screen("Home");
            await a.alias("u-2");
        }"""
    )
    messages = wait_for(workspace, source, 7)
    assert sorted(message["type"] for message in messages) == [
        "alias", "group", "identify", "page", "page", "screen", "track",
    ]  # fmt: skip
    by_type = {message["type"]: message for message in messages}
    assert by_type["track"]["properties"] == {
        "price": 12.5,
        "tags": ["new"],
        "when": "1970-01-01T00:00:00.000Z",
        "name": "Zo\u00eb",
    }
    assert by_type["identify"]["userId"] == by_type["group"]["userId"] == "u-1"
    assert by_type["identify"]["traits"] == {"email": "ada@example.com"}
    assert by_type["group"]["groupId"] == "g-1"
    assert len({message["anonymousId"] for message in messages if "anonymousId" in message}) == 1
    assert len({message["messageId"] for message in messages}) == 7
    for message in messages:
        assert message["timestamp"] <= message["receivedAt"], "the browser's clock is ours"


def test_bundles_that_the_library_loads_when_it_needs_them_are_served(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    page.goto(f"{website}/index.html?ajs_uid=u-7&ajs_event=Came%20Back&ajs_prop_from=mail")
    messages = wait_for(workspace, source, 3)
    assert sorted(message["type"] for message in messages) == ["identify", "page", "track"]
    track = next(message for message in messages if message["type"] == "track")
    assert (track["event"], track["properties"], track["userId"]) == ("Came Back", {"from": "mail"}, "u-7")


def test_a_link_that_leaves_the_page_is_tracked_before_it_is_followed(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    page.goto(f"{website}/index.html")
    page.wait_for_function("() => window.analytics.initialized")
    page.evaluate("() => window.analytics.trackLink(document.getElementById('pay'), 'Pay Clicked')")
    page.wait_for_timeout(300)
    page.click("#pay")
    page.wait_for_url("**/basket.html")
    messages = wait_for(workspace, source, 3)
    assert [message["context"]["page"]["title"] for message in messages if message["type"] == "page"] == [
        "Index",
        "Basket",
    ]
    assert [message["event"] for message in messages if message["type"] == "track"] == ["Pay Clicked"]


def test_events_of_a_page_that_is_left_at_once_arrive(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    page.goto(f"{website}/index.html")
    page.wait_for_function("() => window.analytics.initialized")
    page.evaluate("() => { window.analytics.track('Left'); window.location.href = '/basket.html'; }")
    page.wait_for_url("**/basket.html")
    messages = wait_for(workspace, source, 3)
    assert sorted(message.get("event") or message["type"] for message in messages) == ["Left", "page", "page"]


def test_a_batching_website_sends_its_batch_when_it_is_left(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    strategy = "{strategy: 'batching', config: {size: 100, timeout: 60000}}"
    page.add_init_script(f"window.loadOptions = {{integrations: {{'Segment.io': {{deliveryStrategy: {strategy}}}}}}}")
    page.goto(f"{website}/index.html")
    page.wait_for_function("() => window.analytics.initialized")
    page.evaluate("() => { for (let n = 0; n < 5; n++) window.analytics.track('Step ' + n) }")
    assert not [message for message in wait_for(workspace, source, 0) if message["type"] == "track"]
    page.evaluate("() => { window.location.href = '/basket.html' }")
    page.wait_for_url("**/basket.html")
    steps = [message for message in wait_for(workspace, source, 6) if message["type"] == "track"]
    assert sorted(message["event"] for message in steps) == [f"Step {n}" for n in range(5)]
    assert len({message["receivedAt"] for message in steps}) == 1, "one request brought all"
