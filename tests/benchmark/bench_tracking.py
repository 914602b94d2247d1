"""The tracking API, durable before the 200, against the same server with an empty handler; then in batches.

Everything runs on this machine: the load takes a share of it. wrk makes the load where there is one, else a Python
program, which is itself the limit then. Each figure is of `--seconds`; what was acknowledged is counted in the log.
The empty handler and ours take turns, so that both see the same good and bad moments of the machine.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import report

from core.events.event_log import open_event_log
from core.http.serve import listen
from core.sources.store import create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.serving import run_pages, run_server

SOAK_LOOKS = 10
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    key: str
    seconds: float
    connections: int
    workers: Sequence[int]
    wrk: str | None
    turns: int


class Load:
    """What one stretch of load found."""

    def __init__(self, plan: Plan, port: int, *, events: int, seconds: float) -> None:
        self.events = events
        credentials = base64.b64encode(f"{plan.key}:".encode()).decode()
        salt = f"{time.time_ns():x}"
        if plan.wrk:
            command = [plan.wrk, "-t1", f"-c{plan.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
            command += ["-s", str(HERE / "tracking.lua"), f"http://127.0.0.1:{port}", "--"]
            command += [credentials, str(events), salt]
        else:
            command = [sys.executable, str(HERE / "load.py"), str(port), credentials, str(events), salt]
            command += [str(plan.connections), str(seconds)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        line = next(line for line in output.splitlines() if line.startswith("RESULT"))
        found = json.loads(line.partition(" ")[2])
        if found["failed"]:
            raise SystemExit(f"{found['failed']} requests failed")
        self.requests, self.seconds = int(found["requests"]), float(found["seconds"])
        self.p50_ms, self.p99_ms = float(found["p50_ms"]), float(found["p99_ms"])

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.seconds

    def measurement(self, name: str, cpu_s: float) -> report.Measurement:
        each = f"p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, {cpu_s / self.requests * 1e6:.0f} us CPU a request"
        return report.Measurement(name, self.seconds, self.requests * self.events, note=each)


class Turns:
    """Stretches of load on one server."""

    def __init__(self, plan: Plan, name: str, port: int, processes: Sequence[psutil.Process], events: int) -> None:
        self._plan, self._name, self._port, self._processes, self._events = plan, name, port, processes, events
        self._loads: list[Load] = []
        self.cpu_s = 0.0
        Load(plan, port, events=events, seconds=min(1.0, plan.seconds))  # warms up, and starts the committer

    @property
    def requests(self) -> int:
        return sum(load.requests for load in self._loads)

    def take(self) -> None:
        before = _cpu_s(self._processes)
        seconds = self._plan.seconds / self._plan.turns
        self._loads.append(Load(self._plan, self._port, events=self._events, seconds=seconds))
        self.cpu_s += _cpu_s(self._processes) - before

    def measurement(self) -> report.Measurement:
        p50, p99 = (statistics.median(getattr(load, name) for load in self._loads) for name in ("p50_ms", "p99_ms"))
        note = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {self.cpu_s / self.requests * 1e6:.0f} us CPU a request"
        seconds = sum(load.seconds for load in self._loads)
        return report.Measurement(self._name, seconds, self.requests * self._events, note=note)


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=0)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each figure is measured (default 10)")
    parser.add_argument("--turns", type=int, default=5, help="in how many turns with the empty handler (default 5)")
    parser.add_argument("--connections", type=int, default=128, help="how many send at once (default 128)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many processes (default 1 and 2)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 100], help="events a request (default 1 and 100)")
    parser.add_argument("--without-pages", action="store_true", help="leave out what is measured beside open pages")
    parser.add_argument("--soak", type=float, default=0.0, help="then load one process for so many seconds: its memory")
    parser.add_argument("--without-wrk", action="store_true", help="let the Python program make the load")
    arguments = parser.parse_args(argv)
    wrk = None if arguments.without_wrk else shutil.which("wrk")
    found = report.Report(f"tracking API, {arguments.connections} connections, {arguments.seconds:g} s each")
    found.facts["load"] = "wrk" if wrk else "a Python program, which is itself the limit"
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(str(Path(folder) / "home"))
        key = str(create_source(workspace, kind="http", name="Benchmark").write_key)
        plan = Plan(key, arguments.seconds, arguments.connections, arguments.workers, wrk, arguments.turns)
        for events in arguments.batches:
            _measure(found, workspace, plan, events)
        if not arguments.without_pages:
            _measure_with_pages(found, workspace, plan)
        if arguments.soak:
            _soak(found, workspace, plan, arguments.soak)
        open_event_log(workspace).close()
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _measure(found: report.Report, workspace: Workspace, plan: Plan, events: int) -> None:
    each = "one event a request" if events == 1 else f"batches of {events}"
    for workers in plan.workers:
        name = f"{workers} process{'es' if workers > 1 else ''}, {each}"
        before = open_event_log(workspace).last_offset()
        with (
            _empty_server() as (port, empty_processes),
            run_server(workspace.home.root, workers=workers, fresh=True) as server,
        ):
            processes = server.list_children() if workers > 1 else [psutil.Process(server.process.pid)]
            empty = Turns(
                plan, f"empty handler, {each}, beside {name.partition(',')[0]}", port, empty_processes, events
            )
            ours = Turns(plan, name, server.port, processes, events)
            for _ in range(plan.turns):
                empty.take()
                ours.take()
            memory = sum(process.memory_info().rss for process in processes)
        for turns in (empty, ours):
            found.add(turns.measurement())
        stored = open_event_log(workspace).last_offset() - before
        if stored < ours.requests * events:
            raise SystemExit(f"{ours.requests * events} events were acknowledged and {stored} are in the log")
        found.ratios[f"{name}, of the empty handler"] = ours.requests / empty.requests
        found.ratios[f"{name}, CPU of the empty handler"] = empty.cpu_s / empty.requests / (ours.cpu_s / ours.requests)
        found.facts[f"memory after {name}"] = f"{memory // 2**20} MB"


def _soak(found: report.Report, workspace: Workspace, plan: Plan, seconds: float) -> None:
    """Load one process for long, one event a request, and look at its memory ten times on the way."""
    before = open_event_log(workspace).last_offset()
    with run_server(workspace.home.root, fresh=True) as server:
        process = psutil.Process(server.process.pid)
        held: list[int] = []
        requests = 0
        cpu_s = _cpu_s([process])
        slowest_ms = 0.0
        for _ in range(SOAK_LOOKS):
            load = Load(plan, server.port, events=1, seconds=seconds / SOAK_LOOKS)
            requests += load.requests
            slowest_ms = max(slowest_ms, load.p99_ms)
            held.append(process.memory_info().rss // 2**20)
        cpu_s = _cpu_s([process]) - cpu_s
    stored = open_event_log(workspace).last_offset() - before
    if stored < requests:
        raise SystemExit(f"{requests} events were acknowledged and {stored} are in the log")
    note = f"the slowest p99 of {SOAK_LOOKS} parts {slowest_ms:.1f} ms, {cpu_s / requests * 1e6:.0f} us CPU a request"
    found.add(report.Measurement("one process for long", seconds, requests, note=note))
    found.facts[f"memory of that process, at each tenth of {seconds:g} s"] = f"{', '.join(map(str, held))} MB"


def _measure_with_pages(found: report.Report, workspace: Workspace, plan: Plan) -> None:
    """Measure beside the event debugger, live in a browser: in the process of the pages, and in one of its own."""
    home = workspace.home.root
    with run_pages(home) as (port, process), run_server(home, fresh=True) as server:
        pages, serving = [psutil.Process(process.pid)], [psutil.Process(server.process.pid)]
        _run(found, plan, "in the process of the pages, none open", port, pages, 1)
        with _open_debugger(port) as is_open:
            if not is_open:
                found.not_measured["beside an open page"] = "Chromium is not installed"
                return
            _run(found, plan, "in the process of the pages, debugger open", port, pages, 1)
            _run(found, plan, "in a process of its own, debugger open", server.port, serving, 1)


@contextmanager
def _open_debugger(port: int) -> Iterator[bool]:
    chromium = os.environ.get("ONRAMP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        yield False
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/event-debugger")
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
        yield True
        browser.close()


def _run(
    found: report.Report, plan: Plan, name: str, port: int, processes: Sequence[psutil.Process], events: int
) -> Load:
    Load(plan, port, events=events, seconds=min(1.0, plan.seconds))  # warms up, and starts the committer
    before = _cpu_s(processes)
    load = Load(plan, port, events=events, seconds=plan.seconds)
    found.add(load.measurement(name, _cpu_s(processes) - before))
    return load


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def _empty_server() -> Iterator[tuple[int, list[psutil.Process]]]:
    with listen("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        process = subprocess.Popen([sys.executable, str(HERE / "empty_server.py"), str(port)], cwd=ROOT)
        try:
            _wait_for(port)
            yield port, [psutil.Process(process.pid)]
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the empty server did not start")


if __name__ == "__main__":
    report.run(main)
