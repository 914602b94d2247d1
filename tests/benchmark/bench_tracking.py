"""The tracking API, durable before the 200, against the same server with an empty handler; then in batches.

Everything runs on this machine: the load takes a share of it. wrk makes the load where there is one, else a Python
program, which is itself the limit then. Each figure is of `--seconds`; what was acknowledged is counted in the log.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import report

from core.events.event_log import open_event_log
from core.http.serve import listen
from core.sources.store import create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.serving import run_server

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONNECTIONS = 128


class Load:
    """What one stretch of load found."""

    def __init__(self, port: int, key: str, *, events: int, seconds: float) -> None:
        self.events = events
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        salt = f"{time.time_ns():x}"
        wrk = shutil.which("wrk")
        if wrk:
            command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "30s"]
            command += ["-s", str(HERE / "tracking.lua"), f"http://127.0.0.1:{port}", "--"]
            command += [credentials, str(events), salt]
        else:
            command = [sys.executable, str(HERE / "load.py"), str(port), credentials, str(events), salt]
            command += [str(CONNECTIONS), str(seconds)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        line = next(line for line in output.splitlines() if line.startswith("RESULT"))
        found = json.loads(line.partition(" ")[2])
        if found["failed"]:
            raise SystemExit(f"{found['failed']} requests failed")
        self.requests, self.seconds = int(found["requests"]), float(found["seconds"])
        self.p50_ms, self.p99_ms = float(found["p50_ms"]), float(found["p99_ms"])

    def measurement(self, name: str, cpu_s: float) -> report.Measurement:
        each = f"p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, {cpu_s / self.requests * 1e6:.0f} us CPU a request"
        return report.Measurement(name, self.seconds, self.requests * self.events, note=each)


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=0)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each figure is measured (default 10)")
    arguments = parser.parse_args(argv)
    found = report.Report(f"tracking API, {CONNECTIONS} connections, {arguments.seconds:g} s each")
    found.facts["load"] = "wrk" if shutil.which("wrk") else "Python: it is itself the limit"
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(str(Path(folder) / "home"))
        key = str(create_source(workspace, kind="http", name="Benchmark").write_key)
        _measure(found, workspace, key, arguments.seconds)
        open_event_log(workspace).close()
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _measure(found: report.Report, workspace: Workspace, key: str, seconds: float) -> None:
    for events in (1, 100):
        each = "one event a request" if events == 1 else f"batches of {events}"
        with _empty_server() as (port, processes):
            empty = _run(found, f"empty handler, {each}", port, processes, key, events, seconds)
        for workers in (1, 2):
            name = f"{workers} process{'es' if workers > 1 else ''}, {each}"
            before = open_event_log(workspace).last_offset()
            with run_server(workspace.home.root, workers=workers) as server:
                processes = server.list_children() if workers > 1 else [psutil.Process(server.process.pid)]
                load = _run(found, name, server.port, processes, key, events, seconds)
                memory = sum(process.memory_info().rss for process in processes)
            stored = open_event_log(workspace).last_offset() - before
            if stored < load.requests * events:
                raise SystemExit(f"{load.requests * events} events were acknowledged and {stored} are in the log")
            found.ratios[f"{name}, of the empty handler"] = (load.requests / load.seconds) / (
                empty.requests / empty.seconds
            )
            found.facts[f"memory after {name}"] = f"{memory // 2**20} MB"


def _run(
    found: report.Report,
    name: str,
    port: int,
    processes: Sequence[psutil.Process],
    key: str,
    events: int,
    seconds: float,
) -> Load:
    Load(port, key, events=events, seconds=1)  # warms up, and starts the committer
    before = _cpu_s(processes)
    load = Load(port, key, events=events, seconds=seconds)
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
