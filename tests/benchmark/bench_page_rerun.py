"""Re-run of the page Select mappings with 50 mapped fields: its script alone, then as Chromium sees it."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import report
from streamlit.testing.v1 import AppTest

from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.setup import guided_setup
from core.workspaces.workspace import open_workspace, request_access

ROOT = Path(__file__).resolve().parents[2]
PAGE = "select-mappings"
START_TIMEOUT_S = 60
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# the app says on its root element whether a script run is under way
RERUN = """async () => {
    const app = document.querySelector('[data-testid="stApp"]')
    const state = () => app.getAttribute('data-test-script-state')
    const started = performance.now()
    const ended = new Promise((resolve) => {
        let isRunning = false
        const watcher = new MutationObserver(() => {
            isRunning = isRunning || state() === 'running'
            if (isRunning && state() === 'notRunning') { watcher.disconnect(); resolve(performance.now()) }
        })
        watcher.observe(app, { attributes: true })
    })
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'r', code: 'KeyR', keyCode: 82, bubbles: true }))
    document.body.dispatchEvent(new KeyboardEvent('keyup', { key: 'r', code: 'KeyR', keyCode: 82, bubbles: true }))
    // a run so short that the browser never drew that it was going cannot be told from one that never came
    const unseen = new Promise((resolve) => setTimeout(resolve, 5000, null))
    const at = await Promise.race([ended, unseen])
    return at === null ? null : (at - started) / 1000
}"""


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=20_000)
    parser.add_argument("--fields", type=int, default=50, help="mapped fields (default 50)")
    parser.add_argument("--runs", type=int, default=20, help="measured re-runs; the median counts (default 20)")
    parser.add_argument("--without-browser", action="store_true", help="measure the script only")
    arguments = parser.parse_args(argv)
    title = (
        f"page Select mappings, {arguments.fields} fields, {arguments.rows:,} rows (medians of {arguments.runs} runs)"
    )
    found = report.Report(title)
    with tempfile.TemporaryDirectory(prefix="onramp-bench-") as folder:
        os.environ["ONRAMP_HOME"] = folder
        mappings = _set_up(folder, arguments.rows, arguments.fields)
        _measure_script(found, folder, mappings, arguments.runs)
        if arguments.without_browser:
            found.not_measured["in Chromium"] = "--without-browser"
        else:
            _measure_browser(found, folder, arguments.runs)
    found.print(as_json=arguments.json)
    return 0


def _set_up(folder: str, rows: int, fields: int) -> tuple[FieldMapping, FieldMapping]:
    """Go through the setup up to the saved model; return two mappings that differ in one entry."""
    workspace = open_workspace(folder)
    columns = [f"column_{number}" for number in range(fields - 2)]
    texts = ", ".join(f"'text ' || (i * {number + 1}) % 997 AS {name}" for number, name in enumerate(columns))
    with duckdb.connect(str(workspace.home.warehouses / "wide.duckdb")) as connection:
        connection.execute(f"CREATE TABLE wide AS SELECT 'c' || i AS id, {texts} FROM range({rows}) t(i)")
    request_access(workspace)
    guided_setup.confirm_branch(workspace, "warehouse")
    guided_setup.connect_warehouse(workspace, kind="duckdb", name="Wide", settings={"path": "wide.duckdb"})
    guided_setup.preview_sql(workspace, "SELECT * FROM wide")
    setup = guided_setup.define_sql_model(workspace, name="Wide", sql="SELECT * FROM wide", key_column="id")
    first = FieldMapping(
        (
            MappingEntry("engage_space", None, Constant(setup.space_id)),
            MappingEntry("user_id", None, ColumnRef("id")),
            *(MappingEntry("traits", name, ColumnRef(name)) for name in columns),
        )
    )
    guided_setup.save_draft_mapping(workspace, first)
    workspace.close()
    return first, first.put(MappingEntry("traits", columns[0], Constant("changed")))


def _measure_script(found: report.Report, folder: str, mappings: tuple[FieldMapping, FieldMapping], runs: int) -> None:
    app = AppTest.from_file(str(ROOT / "shell" / "main.py"), default_timeout=60)
    app.run()
    app.switch_page(f"../pages/{PAGE.replace('-', '_')}.py").run()
    _require_page(app)
    found.add(_median("script, nothing changed", runs, lambda: app.run()))
    _require_page(app)
    workspace = open_workspace(folder)
    turn = iter(range(10_000))

    def change() -> None:
        # a mapping not seen before, so that the check over all rows is not taken from the cache
        name = f"changed {next(turn)}"
        entry = mappings[1].get("traits", "column_0")
        assert entry is not None
        changed = mappings[0].put(MappingEntry(entry.field, entry.key, Constant(name)))
        guided_setup.save_draft_mapping(workspace, changed)

    found.add(_median("script, mapping changed: all rows checked anew", runs, lambda: app.run(), before=change))
    workspace.close()


def _require_page(app: AppTest) -> None:
    """Measure nothing unless the page is the one that is meant, without an error on it."""
    titles = [each.value for each in app.title]
    if app.exception or "Select mappings" not in titles:
        raise SystemExit(f"the page is not drawn: {titles} {[each.value for each in app.exception]}")


def _median(
    name: str, runs: int, work: Callable[[], object], *, before: Callable[[], object] | None = None
) -> report.Measurement:
    seconds = []
    for _ in range(runs):
        if before is not None:
            before()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    slowest = f"slowest {max(seconds) * 1000:.0f} ms"
    return report.Measurement(name, statistics.median(seconds), 1, tuple(round(each, 4) for each in seconds), slowest)


def _measure_browser(found: report.Report, folder: str, runs: int) -> None:
    chromium = os.environ.get("ONRAMP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        found.not_measured["in Chromium"] = "Chromium is not installed"
        return
    from playwright.sync_api import sync_playwright

    with _serve(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/{PAGE}")
        page.get_by_role("heading", name="Select mappings").wait_for(timeout=30_000)
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=30_000)
        page.wait_for_timeout(1_000)
        measured = [page.evaluate(RERUN) for _ in range(runs)]
        browser.close()
    seconds = [each for each in measured if each is not None]
    if len(seconds) < 0.75 * runs:
        raise SystemExit(f"only {len(seconds)} of {runs} re-runs were seen to begin and end")
    note = f"key press to page drawn; slowest {max(seconds) * 1000:.0f} ms; {runs - len(seconds)} of {runs} not seen"
    found.add(report.Measurement("in Chromium, nothing changed", statistics.median(seconds), 1, tuple(seconds), note))


@contextmanager
def _serve(home: Path) -> Iterator[str]:
    """Run the app on a free loopback port; yield its address and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _is_up(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the app did not start")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_up(address: str) -> bool:
    with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        return bool(urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).status == 200)  # noqa: S310
    return False


if __name__ == "__main__":
    report.run(main)
