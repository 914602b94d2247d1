"""All rows of a Postgres table into Arrow: our engine, ADBC and psycopg, each in a process of its own, in turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import report
from postgres_table import SQL, PostgresTable, open_postgres_table

DRIVERS = {
    "ours": "CSV COPY, read-only, can be cancelled; numeric as decimal",
    "adbc": "adbc-driver-postgresql; numeric as text, to be cast",
    "psycopg": "server-side cursor, rows made into Arrow",
}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    arguments = parser.parse_args(argv)
    found = report.Report(f"streaming {arguments.rows:,} rows of 8 columns from Postgres into Arrow")
    with open_postgres_table(arguments.rows) as table, TemporaryDirectory(prefix="onramp-bench-") as home:
        runs: dict[str, list[dict[str, Any]]] = {driver: [] for driver in DRIVERS}
        for _ in range(arguments.repeat):  # turn about, so that all meet the same disturbances
            for driver in DRIVERS:
                runs[driver].append(_stream(driver, table, home))
    best = {driver: min(each, key=lambda run: run["seconds"]) for driver, each in runs.items()}
    for driver, note in DRIVERS.items():
        times = tuple(round(run["seconds"], 4) for run in runs[driver])
        found.add(report.Measurement(driver, best[driver]["seconds"], arguments.rows, times, note))
        cpu_s = min(run["cpu_s"] for run in runs[driver])
        found.facts[f"{driver}: processor time of the client"] = f"{cpu_s:.2f} s"
        found.facts[f"{driver}: peak MB, of which before the first row"] = [
            best[driver]["peak_mb"],
            best[driver]["start_mb"],
        ]
    for driver in ("adbc", "psycopg"):
        found.ratios[f"ours to {driver} (seconds)"] = best["ours"]["seconds"] / best[driver]["seconds"]
    found.print(as_json=arguments.json)
    return 0


def _stream(driver: str, table: PostgresTable, home: str) -> dict[str, Any]:
    script = str(Path(__file__).with_name("one_stream.py"))
    command = [sys.executable, script, driver, json.dumps({**table.settings, "home": home}), SQL]
    done = subprocess.run(command, input="\n", stdout=subprocess.PIPE, text=True, check=True)
    run: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if run["rows"] != table.rows:
        raise SystemExit(f"{driver} gave {run['rows']} of {table.rows} rows")
    return run


if __name__ == "__main__":
    report.run(main)
