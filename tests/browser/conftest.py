"""A real browser on a real app: Chromium, an app on a free loopback port with a home of its own, screenshots."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.programs import ROOT, start_streamlit

APPS = Path(__file__).resolve().parent / "apps"
STATIC = ROOT / "shell" / "static"
START_TIMEOUT_S = 60
_FREE_PORTS: list[int] = []
_CASES = itertools.count(1)
PATIENCE_MS = 20_000  # a page on a machine that does much else; `expect` waits so long too
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-turbofan --no-maglev",  # a page is left before code optimised for it has paid
]
# Each step of an animation is drawn by the processor: half of what a page takes to open.
STILL = """
    const still = new CSSStyleSheet()
    still.replaceSync('*, ::before, ::after { animation: none !important; transition-duration: 0s !important }')
    document.adoptedStyleSheets.push(still)
"""
SCREENS = {
    "desktop-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone-light": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "has_touch": True,
        "is_mobile": True,
    },
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "has_touch": True,
        "is_mobile": True,
    },
}


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine, else None."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("ONRAMP_CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.browser)
    item.add_marker(pytest.mark.xdist_group("browser"))  # one Chromium: two starve each other
    if find_chromium() is None:
        item.add_marker(pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium-headless-shell"))


@contextmanager
def serve(script: Path, home: Path, **environment: str) -> Iterator[str]:
    """Run a Streamlit script on a free loopback port; yield its address; end it and wait for its end."""
    port = _take_port()
    log = home / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    surroundings = {"ONRAMP_HOME": str(home / "onramp"), "PYTHONPATH": str(ROOT), **environment}
    process = start_streamlit(script, port, log, surroundings)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, process, log)
        yield address
    finally:
        process.terminate()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
        _FREE_PORTS.append(port)


def _take_port() -> int:
    """Return the port of an app that has ended, else any: to the browser the next app's scripts are those it knows."""
    for port in [*reversed(_FREE_PORTS), 0]:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if port:
                _FREE_PORTS.remove(port)
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")


def _lay_out_apps(home: Path) -> Path:
    """Copy the small apps next to the built assets, where Streamlit looks for them: in static/ beside the script."""
    folder = home / "apps"
    shutil.copytree(APPS, folder)
    if STATIC.is_dir():
        shutil.copytree(STATIC, folder / "static")
    return folder


def _wait_until_up(address: str, process: BaseProcess, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not process.is_alive():
            break
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).status == 200:  # noqa: S310
                return
        time.sleep(0.05)
    pytest.fail(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="package")
def browser() -> Iterator[object]:
    """A Chromium for this folder: while it lives, this thread has an event loop, and no other test can use its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=BROWSER_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start apps that live as long as the test module: `start_app("mapping_app.py")` returns the address."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(script: str | Path, **environment: str) -> str:
            home = tmp_path_factory.mktemp("home")
            path = _lay_out_apps(home) / script if isinstance(script, str) else script
            return stack.enter_context(serve(path, home, **environment))

        yield start


class Screen:
    """A browser page together with what went wrong on it."""

    def __init__(self, page: object, name: str) -> None:
        self.page, self.name = page, name
        self.errors: list[str] = []
        page.on("pageerror", self._note)

    def _note(self, error: object) -> None:
        self.errors.append(str(error))

    def open(self, address: str) -> object:
        """Go to `address` and wait until its first run has ended."""
        self.page.goto(address)
        self.settle()
        return self.page

    def turn_to(self, path: str) -> object:
        """Go to another page of the app that is open, as Back and Forward do, and wait until its first run has ended.

        It takes a small part of what loading the app again takes.
        """
        self.page.evaluate(
            "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate', {state: {}})) }",
            path,
        )
        self.page.wait_for_timeout(100)  # until the app has asked its server
        self.settle()
        return self.page

    def leave(self) -> None:
        """Leave nothing in the tab but what it has compiled of scripts and styles."""
        from playwright.sync_api import Error

        page, context = self.page, self.page.context
        page.remove_listener("pageerror", self._note)
        for other in context.pages:
            if other is not page:
                other.close()
        page.unroute_all(behavior="ignoreErrors")
        with suppress(Error):  # a page that was never opened has no storage
            page.evaluate("() => sessionStorage.clear()")
        page.goto("about:blank")
        page.set_viewport_size(SCREENS[self.name]["viewport"])
        devtools = context.new_cdp_session(page)
        kinds = "cookies,local_storage,indexeddb,service_workers"
        devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": kinds})
        devtools.detach()
        context.clear_cookies()
        context.clear_permissions()

    def settle(self) -> None:
        """Wait until no script run is under way and every element has been drawn, none of them by a run before."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
        self.page.wait_for_function(
            "() => !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')", timeout=60_000
        )

    def shoot(self, label: str) -> None:
        """Keep a picture in the folder that ONRAMP_SCREENSHOTS names; nothing without it."""
        folder = os.environ.get("ONRAMP_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(300)  # fonts and the end of transitions
            self.page.screenshot(path=str(Path(folder) / f"{label}-{self.name}.png"))


@pytest.fixture(scope="package")
def free_tabs(browser: object) -> dict[str, list[object]]:
    """Pages that no test uses now, by the name of their screen, each in a context of its own.

    To open one of Streamlit's pages in a tab that has shown one before takes a third of the processor time.
    """
    return defaultdict(list)


def _open_tab(browser: object, name: str) -> object:
    context = browser.new_context(**SCREENS[name], reduced_motion="reduce")
    context.add_init_script(STILL)
    return context.new_page()


@pytest.fixture
def open_screen(browser: object, free_tabs: dict[str, list[object]]) -> Iterator[Callable[[str], Screen]]:
    """Open a page as one of SCREENS, in a context without anybody's cookies and storage.

    Afterwards no page may have thrown an error.
    """
    with _lend_screens(browser, free_tabs) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def open_small_app(browser: object, free_tabs: dict[str, list[object]]) -> Iterator[Callable[..., Screen]]:
    """Open one of `apps/` as one of SCREENS, as nobody has used it: `open_small_app(address, "phone-dark", error=1)`.

    It is loaded once a module. Each `case` of it has a state and elements of its own, for a small part of the time.
    """
    kept: dict[tuple[str, str], Screen] = {}
    with _lend_screens(browser, free_tabs) as open_one:

        def open_case(address: str, name: str = "desktop-light", **query: object) -> Screen:
            case = next(_CASES)
            path = f"/?{urlencode({'case': case, **query})}"
            screen = kept.get((address, name))
            if screen is None:
                screen = kept[address, name] = open_one(name)
                screen.open(address + path)
            else:
                screen.turn_to(path)
            screen.page.get_by_test_id(f"case-{case}").wait_for(state="attached")
            screen.settle()
            return screen

        yield open_case


@contextmanager
def _lend_screens(browser: object, free_tabs: dict[str, list[object]]) -> Iterator[Callable[[str], Screen]]:
    opened: list[Screen] = []

    def open_one(name: str = "desktop-light") -> Screen:
        page = free_tabs[name].pop() if free_tabs[name] else _open_tab(browser, name)
        page.context.set_default_timeout(PATIENCE_MS)
        opened.append(Screen(page, name))
        return opened[-1]

    yield open_one
    for number, screen in enumerate(opened):
        screen.shoot(f"last-{number}")
        screen.leave()
        free_tabs[screen.name].append(screen.page)
        assert screen.errors == [], f"{screen.name}: {screen.errors}"
