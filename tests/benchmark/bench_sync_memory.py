"""Resident memory of a first and of an unchanged sync, each in a fresh process, at several numbers of rows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import report
from big_sync import BigSync, open_big_sync, start_run


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--sizes", type=int, nargs="*", help="several numbers of rows, for example 1000000 10000000")
    arguments = parser.parse_args(argv)
    found = report.Report("peak resident memory of a sync, embedded warehouse, each run in a process of its own")
    for rows in arguments.sizes or [arguments.rows]:
        with open_big_sync(rows) as big:
            for name in ("first", "unchanged"):
                _measure(found, big, name, rows)
    found.print(as_json=arguments.json)
    return 0


def _measure(found: report.Report, big: BigSync, name: str, rows: int) -> None:
    held: dict[str, int] = {}
    label = f"{name} sync, {rows:,} rows"
    found.add(report.measure(label, rows, lambda: held.update(_run(big)), repeat=1, note="started, run, ended"))
    if held["unchanged" if name == "unchanged" else "delivered"] != rows:
        raise SystemExit(f"the {name} run was another: {held}")
    found.facts[f"{label}: peak MB"] = held["peak_mb"]
    found.facts[f"{label}: of which before the first row, MB"] = held["start_mb"]
    found.facts[f"{label}: the query's sandbox child beside it, MB"] = held["child_mb"]


def _run(big: BigSync) -> dict[str, int]:
    process = start_run(big)
    printed, _ = process.communicate("\n")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    held: dict[str, int] = json.loads(printed)
    return held


if __name__ == "__main__":
    report.run(main)
