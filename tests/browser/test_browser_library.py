"""Browser libraries, unmodified, on a site of another origin: each call arrives once, from a page that is left, too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.sources.snippet import make_snippet
from core.sources.store import Source, create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.browser.conftest import ROOT, STATIC
from tests.browser.website import serve_website, wait_for
from tests.clients.places import BUNDLES

pytestmark = pytest.mark.skipif(
    not (STATIC / "analytics-next").is_dir(), reason="the browser assets are not built: python frontend/build.py"
)


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
    strategy = "{strategy: 'batching', config: {size: 100, timeout: 60000}}"
    batching = f"{{integrations: {{'Segment.io': {{deliveryStrategy: {strategy}}}}}}}"
    options = f"<script>window.loadOptions = location.hash === '#batching' ? {batching} : undefined</script>"
    with serve_website(tmp_path, options + snippet) as site:
        yield site


def test_w45_w49_the_snippet_sends_a_page_from_another_origin(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    open_screen().page.goto(f"{website}/index.html?utm_source=news&utm_campaign=autumn")
    (message,) = wait_for(workspace, 1, source.id)
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
    messages = wait_for(workspace, 7, source.id)
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
    messages = wait_for(workspace, 3, source.id)
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
    messages = wait_for(workspace, 3, source.id)
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
    messages = wait_for(workspace, 3, source.id)
    assert sorted(message.get("event") or message["type"] for message in messages) == ["Left", "page", "page"]


def test_a_batching_website_sends_its_batch_when_it_is_left(
    open_screen: Callable[..., Any], workspace: Workspace, source: Source, website: str
) -> None:
    page = open_screen().page
    page.goto(f"{website}/index.html#batching")
    page.wait_for_function("() => window.analytics.initialized")
    page.evaluate("() => { for (let n = 0; n < 5; n++) window.analytics.track('Step ' + n) }")
    assert not [message for message in wait_for(workspace, 0, source.id) if message["type"] == "track"]
    page.evaluate("() => { window.location.href = '/basket.html' }")
    page.wait_for_url("**/basket.html")
    steps = [message for message in wait_for(workspace, 6, source.id) if message["type"] == "track"]
    assert sorted(message["event"] for message in steps) == [f"Step {n}" for n in range(5)]
    assert len({message["receivedAt"] for message in steps}) == 1, "one request brought all"


@pytest.fixture
def open_npm_site(
    open_screen: Callable[..., Any], tmp_path: Path, source: Source, address: str
) -> Iterator[Callable[[str, str], Any]]:
    """Return how to open a website that bundles a library of npm; afterwards no other server may have been asked."""
    asked: set[str] = set()
    with ExitStack() as stack:

        def open_site(library: str, start: str) -> Any:
            if not (BUNDLES / f"{library}.js").is_file():
                pytest.skip("NO CLIENT LIBRARIES: run tests/clients/build.py (`make test` does) to test them")
            shutil.copyfile(BUNDLES / f"{library}.js", tmp_path / f"{library}.js")
            filled = start.replace("KEY", f"'{source.write_key}'").replace("ADDRESS", f"'{address}'")
            head = f'<script src="/{library}.js"></script><script>{filled}</script>'
            site = stack.enter_context(serve_website(tmp_path, head))
            page = open_screen().page
            page.on("request", lambda request: asked.add(request.url.removeprefix(site)))
            page.goto(f"{site}/index.html")
            return page

        yield open_site
    assert {url for url in asked if not url.startswith("/")} == {url for url in asked if url.startswith(f"{address}/")}


RUDDERSTACK = """
const send = navigator.sendBeacon.bind(navigator);
navigator.sendBeacon = (url, body) => { localStorage.beacon = new URL(url).pathname; return send(url, body); };
window.analytics = new RudderAnalytics();
analytics.load(KEY, ADDRESS, {configUrl: ADDRESS, ...OPTIONS});
analytics.page();
"""
RUDDERSTACK_DELIVERIES = {
    "standard": ("{}", {"/v1/track", "/v1/identify", "/v1/page", "/v1/group", "/v1/alias"}),
    "batching": ("{queueOptions: {batch: {enabled: true, maxItems: 100, flushInterval: 1000}}}", {"/v1/batch"}),
    "beacon": ("{useBeacon: true, beaconQueueOptions: {flushQueueInterval: 600000}}", {"/beacon/v1/batch"}),
}
CALLS = """() => {
    const a = window.analytics;
    a.track("Product Viewed", {price: 12.5, tags: ["new"], name: "Zo\u00eb"});
    a.identify("u-1", {email: "ada@example.com"});
    a.group("g-1", {plan: "pro"});
    a.page("Shop", "Basket");
    a.alias("u-2", "u-1");
}"""


def leave(page: Any) -> None:
    """Leave the page at once; the one that follows is of the same site."""
    page.evaluate("() => { window.location.href = '/basket.html' }")
    page.wait_for_url("**/basket.html")


@pytest.mark.parametrize("delivery", RUDDERSTACK_DELIVERIES)
def test_every_call_of_rudderstacks_library_arrives_once_with_its_ids_from_a_page_that_is_left(
    open_npm_site: Callable[[str, str], Any], workspace: Workspace, source: Source, delivery: str
) -> None:
    options, paths = RUDDERSTACK_DELIVERIES[delivery]
    page = open_npm_site("rudderstack", RUDDERSTACK.replace("OPTIONS", options))
    posted: set[str] = set()
    page.on("request", lambda request: posted.add(urlsplit(request.url).path) if request.method == "POST" else None)
    page.wait_for_function("() => window.analytics.getAnonymousId && window.analytics.getAnonymousId()")
    page.evaluate(CALLS)
    leave(page)
    if delivery == "beacon":
        leave(page)  # it keeps the page view until then
    messages = wait_for(workspace, 7, source.id)
    beacon = page.evaluate("() => localStorage.beacon")  # what is sent while a page is left belongs to no page
    assert posted | {beacon} - {None} == paths
    types = [message["type"] for message in messages]
    assert sorted(set(types)) == ["alias", "group", "identify", "page", "track"]
    assert [types.count(type_) for type_ in ("alias", "group", "identify", "track")] == [1, 1, 1, 1]
    by_type = {message["type"]: message for message in messages}
    assert by_type["track"]["event"] == "Product Viewed"
    assert by_type["track"]["properties"] == {"price": 12.5, "tags": ["new"], "name": "Zo\u00eb"}
    assert by_type["identify"]["userId"] == by_type["group"]["userId"] == "u-1"
    assert by_type["identify"]["context"]["traits"] == {"email": "ada@example.com"}
    assert by_type["group"]["groupId"] == "g-1"
    assert (by_type["alias"]["userId"], by_type["alias"]["previousId"]) == ("u-2", "u-1")
    assert by_type["track"]["context"]["library"]["version"] == "3.34.1"
    assert len({message["anonymousId"] for message in messages}) == 1
    assert len({message["messageId"] for message in messages}) == len(messages)
    for message in messages:
        assert message["timestamp"] <= message["receivedAt"], "the browser's clock is ours"


SEGMENT = """
window.analytics = AnalyticsBrowser.load({writeKey: KEY, cdnURL: ADDRESS}, OPTIONS);
analytics.page();
"""
SEGMENT_OPTIONS = {
    "standard": "{}",
    "batching": "{integrations: {'Segment.io': {deliveryStrategy: {strategy: 'batching', config: {size: 100}}}}}",
}


@pytest.mark.parametrize("delivery", SEGMENT_OPTIONS)
def test_every_call_of_segments_library_from_npm_arrives_once_from_a_page_that_is_left(
    open_npm_site: Callable[[str, str], Any], workspace: Workspace, source: Source, delivery: str
) -> None:
    page = open_npm_site("segment", SEGMENT.replace("OPTIONS", SEGMENT_OPTIONS[delivery]))
    page.evaluate("() => window.analytics.ready()")
    page.evaluate(CALLS)
    leave(page)
    messages = wait_for(workspace, 7, source.id)
    assert sorted(message["type"] for message in messages) == [
        "alias", "group", "identify", "page", "page", "page", "track",
    ]  # fmt: skip
    by_type = {message["type"]: message for message in messages}
    assert by_type["track"]["properties"] == {"price": 12.5, "tags": ["new"], "name": "Zo\u00eb"}
    assert by_type["identify"]["traits"] == {"email": "ada@example.com"}
    assert (by_type["group"]["groupId"], by_type["group"]["userId"]) == ("g-1", "u-1")
    assert {message["context"]["library"]["version"] for message in messages} == {"npm:next-1.84.3"}
    assert len({message["messageId"] for message in messages}) == 7
