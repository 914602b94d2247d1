"""A real browser on a real app: Chromium, an app on a free loopback port with a home of its own, screenshots."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).resolve().parent / "apps"
STATIC = ROOT / "shell" / "static"
START_TIMEOUT_S = 60
PATIENCE_MS = 20_000  # a page on a machine that does much else; `expect` waits so long too
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("ONRAMP_CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    missing = find_chromium() is None
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium"))


@contextmanager
def serve(script: Path, home: Path, **environment: str) -> Iterator[str]:
    """Run a Streamlit script on a free loopback port; yield its address; end it and wait for its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "ONRAMP_HOME": str(home / "onramp"), "PYTHONPATH": str(ROOT), **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, process, log)
        yield address
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()


def _lay_out_apps(home: Path) -> Path:
    """Copy the small apps next to the built assets, where Streamlit looks for them: in static/ beside the script."""
    folder = home / "apps"
    shutil.copytree(APPS, folder)
    if STATIC.is_dir():
        shutil.copytree(STATIC, folder / "static")
    return folder


def _wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).status == 200:  # noqa: S310
                return
        time.sleep(0.05)
    pytest.fail(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A Chromium for one module: while it lives, this thread has an event loop, and no other test can use its own."""
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
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str) -> object:
        """Go to `address` and wait until its first run has ended."""
        self.page.goto(address)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until no script run is under way and every element has been drawn."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
        self.page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)

    def shoot(self, label: str) -> None:
        """Keep a picture in the folder that ONRAMP_SCREENSHOTS names; nothing without it."""
        folder = os.environ.get("ONRAMP_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(300)  # fonts and the end of transitions
            self.page.screenshot(path=str(Path(folder) / f"{label}-{self.name}.png"))


@pytest.fixture(scope="module")
def free_contexts(browser: object) -> Iterator[dict[str, list[object]]]:
    """Contexts that no test uses now, by the name of their screen. One that has loaded a script compiles it no more."""
    free: dict[str, list[object]] = defaultdict(list)
    yield free
    for context in chain.from_iterable(free.values()):
        context.close()


@pytest.fixture
def open_screen(browser: object, free_contexts: dict[str, list[object]]) -> Iterator[Callable[[str], Screen]]:
    """Open a page as one of SCREENS, in a context without anybody's cookies and storage.

    Afterwards no page may have thrown an error.
    """
    opened: list[tuple[Screen, object]] = []

    def open_one(name: str = "desktop-light") -> Screen:
        context = free_contexts[name].pop() if free_contexts[name] else browser.new_context(**SCREENS[name])
        context.set_default_timeout(PATIENCE_MS)
        screen = Screen(context.new_page(), name)
        opened.append((screen, context))
        return screen

    yield open_one
    for number, (screen, context) in enumerate(opened):
        screen.shoot(f"last-{number}")
        _forget(context)
        free_contexts[screen.name].append(context)
        assert screen.errors == [], f"{screen.name}: {screen.errors}"


def _forget(context: object) -> None:
    """Leave nothing in the context but what it has cached of scripts and styles."""
    blank = context.new_page()
    for page in context.pages:
        if page is not blank:
            page.close()
    storage = {"origin": "*", "storageTypes": "cookies,local_storage,indexeddb,service_workers"}
    context.new_cdp_session(blank).send("Storage.clearDataForOrigin", storage)
    blank.close()
    context.clear_cookies()
    context.clear_permissions()
