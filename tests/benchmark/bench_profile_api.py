"""The Profile API over many profiles: a constant rate, against the same server with an empty handler; then all it can.

The profiles are written straight into the tables, three identifiers and ten traits each. A time counts from when a
request was due, so that a slow answer is not hidden by the requests that it kept from being sent. Everything runs on
this machine: the load takes a share of it.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil
import report
from bench_tracking import HERE, ROOT, _cpu_s, _wait_for
from store import add_store, use_store

from core.clock import to_millis
from core.http.serve import listen
from core.identity.rules import add_custom_identifier, add_identifiers
from core.profiles.lookup import count_profiles
from core.storage.bulk import upsert_rows
from core.storage.tables import identifiers, profiles
from core.workspaces.profile_api import MAX_REQUESTS_PER_S, set_api_settings
from core.workspaces.profile_tokens import create_token
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace
from tests.serving import run_server

AT_ONCE = 20_000
PATHS = {
    "traits by user id": "user_id:u-{}/traits",
    "traits by phone": "phone:%2B1415{}/traits",
    "identifiers": "user_id:u-{}/external_ids",
}


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    space_id: str
    token: str
    people: int
    rate: float
    connections: int
    seconds: float

    @property
    def credentials(self) -> str:
        return base64.b64encode(f"{self.token}:".encode()).decode()

    def path(self, part: str) -> str:
        return f"/v1/spaces/{self.space_id}/collections/users/profiles/{part}"


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each figure is measured (default 10)")
    parser.add_argument("--rate", type=float, default=1_000.0, help="requests a second (default 1,000)")
    parser.add_argument("--connections", type=int, default=32, help="how many ask at once (default 32)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many processes (default 1 and 2)")
    parser.add_argument("--home", help="a folder to keep the profiles in, and to find them in the next time")
    add_store(parser)
    arguments = parser.parse_args(argv)
    title = f"Profile API, {arguments.rows:,} profiles, {arguments.rate:,.0f} requests/s, {arguments.store}"
    found = report.Report(title)
    with tempfile.TemporaryDirectory() as folder, use_store(arguments.store):
        workspace = open_workspace(arguments.home or str(Path(folder) / "home"))
        space_id = ensure_space(workspace).id
        if count_profiles(workspace, space_id) != arguments.rows:
            started = time.perf_counter()
            fill(workspace, space_id, arguments.rows)
            found.facts["writing the profiles took"] = f"{time.perf_counter() - started:.0f} s"
        set_api_settings(workspace, space_id, requests_per_s=MAX_REQUESTS_PER_S)
        token = create_token(workspace, space_id, "Benchmark").text
        plan = Plan(space_id, token, arguments.rows, arguments.rate, arguments.connections, arguments.seconds)
        _measure(found, workspace, plan, arguments.workers)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def fill(workspace: Workspace, space_id: str, people: int) -> None:
    """Write so many profiles into the tables, three identifiers and ten traits each."""
    add_identifiers(workspace, space_id, ["user_id", "email"])
    add_custom_identifier(workspace, space_id, "phone")
    now_ms = to_millis(workspace.now())
    for start in range(0, people, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, people))
        with workspace.database.transaction() as connection:
            upsert_rows(connection, profiles, [_make_profile(space_id, number, now_ms) for number in numbers])
            rows = [row for number in numbers for row in _make_identifiers(space_id, number, now_ms)]
            upsert_rows(connection, identifiers, sorted(rows))


def _make_profile(space_id: str, number: int, now_ms: int) -> tuple[object, ...]:
    traits = {
        "email": f"u-{number}@example.com",
        "phone": f"+1415{number}",
        "first_name": f"First{number % 1_000}",
        "last_name": f"Last{number % 5_000}",
        "plan": ("free", "silver", "gold")[number % 3],
        "city": f"City {number % 300}",
        "orders": number % 40,
        "lifetime_value": number % 10_000 / 7,
        "total_inbounds": number % 9,
        "is_member": number % 2 == 0,
    }
    entries = {key: [value, now_ms, number + 1, None] for key, value in traits.items()}
    values: dict[str, object] = {
        "space_id": space_id,
        "id": _name(number),
        "created_at": now_ms,
        "created_offset": number + 1,
        "updated_at": now_ms,
        "merged_into": None,
        "merge_count": 0,
        "traits": orjson.dumps(entries).decode(),
        "search": "\n".join(str(value) for value in traits.values()).lower(),
    }
    return tuple(values[column.name] for column in profiles.columns)


def _make_identifiers(space_id: str, number: int, now_ms: int) -> Iterator[tuple[object, ...]]:
    known = (("user_id", f"u-{number}"), ("email", f"u-{number}@example.com"), ("phone", f"+1415{number}"))
    for type_, value in known:
        values: dict[str, object] = {
            "space_id": space_id,
            "type": type_,
            "value": value,
            "profile_id": _name(number),
            "first_seen_at": now_ms,
            "last_seen_at": now_ms,
            "first_offset": number + 1,
            "source_id": "src_benchmark",
        }
        yield tuple(values[column.name] for column in identifiers.columns)


def _name(number: int) -> str:
    return f"use_{number:026d}"


def _measure(found: report.Report, workspace: Workspace, plan: Plan, workers: Sequence[int]) -> None:
    with _empty_server() as (port, process):
        empty = _ask(plan, port, next(iter(PATHS.values())), [process])
        _add(found, "empty handler", empty)
        most = _ask_all(plan, port, next(iter(PATHS.values())))
        _add(found, "empty handler, all it can", most)
    for number in workers:
        with run_server(workspace.home.root, workers=number, fresh=True) as server:
            name = f"{number} process{'es' if number > 1 else ''}"
            processes = server.list_children() if number > 1 else [psutil.Process(server.process.pid)]
            for label, part in PATHS.items():
                answers = _ask(plan, server.port, part, processes)
                _add(found, f"{name}, {label}", answers)
            found.ratios[f"{name}, p99 of {label} less that of the empty handler, in ms"] = (
                answers["p99_ms"] - empty["p99_ms"]
            )
            full = _ask_all(plan, server.port, next(iter(PATHS.values())))
            _add(found, f"{name}, all it can", full)
            if full and most:
                rates = [each["requests"] / each["seconds"] for each in (full, most)]
                found.ratios[f"{name}, all it can, of one empty handler"] = rates[0] / rates[1]


def _add(found: report.Report, name: str, answers: dict[str, Any] | None) -> None:
    if answers is None:
        found.not_measured[name] = "wrk is not installed"
        return
    note = f"p50 {answers['p50_ms']:.2f} ms, p99 {answers['p99_ms']:.2f} ms"
    if "p999_ms" in answers:
        note += f", p99.9 {answers['p999_ms']:.2f} ms, {answers['cpu_us']:.0f} us CPU a request"
    found.add(report.Measurement(name, answers["seconds"], answers["requests"], note=note))


def _ask(plan: Plan, port: int, part: str, processes: Sequence[psutil.Process]) -> dict[str, Any]:
    def ask(seconds: float) -> dict[str, Any]:
        command = [sys.executable, str(HERE / "steady_load.py"), str(port), plan.credentials, plan.path(part)]
        command += [str(plan.people), str(plan.rate), str(plan.connections), str(seconds)]
        return _read(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    ask(1.0)  # warms up
    before_s = _cpu_s(processes)
    answers = ask(plan.seconds)
    return {**answers, "cpu_us": (_cpu_s(processes) - before_s) / answers["requests"] * 1e6}


def _ask_all(plan: Plan, port: int, part: str) -> dict[str, Any] | None:
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    command = [wrk, "-t1", f"-c{plan.connections}", f"-d{max(1, round(plan.seconds / 2))}s", "--timeout", "30s"]
    command += ["-s", str(HERE / "profiles.lua"), f"http://127.0.0.1:{port}", "--"]
    command += [plan.credentials, plan.path(part), str(plan.people), str(time.time_ns() % 1_000_000)]
    return _read(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _read(output: str) -> dict[str, Any]:
    line = next(line for line in output.splitlines() if line.startswith("RESULT"))
    answers: dict[str, Any] = json.loads(line.partition(" ")[2])
    if answers["failed"]:
        raise SystemExit(f"{answers['failed']} requests failed: {answers.get('first_failure')}")
    return answers


@contextmanager
def _empty_server() -> Iterator[tuple[int, psutil.Process]]:
    with listen("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        process = subprocess.Popen([sys.executable, str(HERE / "empty_server.py"), str(port)], cwd=ROOT)
        try:
            _wait_for(port)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    report.run(main)
