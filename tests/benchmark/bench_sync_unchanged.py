"""A sync in which nothing changed, against a bare DuckDB hash join of the same rows in the same run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import report
from big_sync import TRAITS, BigSync, make_table, open_big_sync


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    arguments = report.make_parser(__doc__, rows=1_000_000).parse_args(argv)
    found = report.Report(f"sync, nothing changed, {arguments.rows:,} rows, embedded warehouse")
    with open_big_sync(arguments.rows) as big:
        first = report.measure("first run: every row delivered", arguments.rows, big.run, repeat=1)
        _require_unchanged(big, arguments.rows)
        unchanged = found.add(
            report.measure("unchanged sync", arguments.rows, big.run, repeat=arguments.repeat, note="request to closed")
        )
        join = _measure_join(big.path.with_name("join.duckdb"), arguments.rows, arguments.repeat)
        found.measurements += [join, first]
        found.ratios["unchanged sync to bare hash join (seconds)"] = unchanged.seconds / join.seconds
        found.facts["peak resident memory of a fresh process that runs it, MB"] = _measure_memory_mb(big)
    found.print(as_json=arguments.json)
    return 0


def _require_unchanged(big: BigSync, rows: int) -> None:
    """Measure nothing unless the engine does what the benchmark says."""
    run = big.run()
    if run.sheet is None or not run.sheet.closes or run.sheet.unchanged != rows:
        raise SystemExit(f"the second run was not unchanged: {run.state} {run.error} {run.sheet}")


def _measure_join(path: Path, rows: int, repeat: int) -> report.Measurement:
    """Time what no diff can do without: checksum every row, join with the checksums of before, compare."""
    make_table(path, rows)
    fields = ", ".join(("id", "changed_at", *TRAITS))
    checksum = f"md5_number(to_json(struct_pack({fields}))::VARCHAR)"
    with duckdb.connect(str(path), config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE before AS SELECT id, {checksum} AS checksum FROM customers")
        diff = (
            f"WITH now AS (SELECT id, {checksum} AS checksum FROM customers) "
            "SELECT count(*) FROM now FULL OUTER JOIN before USING (id) "
            "WHERE now.checksum IS DISTINCT FROM before.checksum"
        )
        assert connection.execute(diff).fetchall() == [(0,)]
        note = "md5 of JSON, full outer join; 2 threads"
        return report.measure(
            "bare DuckDB hash join", rows, lambda: connection.execute(diff).fetchall(), repeat=repeat, note=note
        )


def _measure_memory_mb(big: BigSync) -> str:
    """Run the sync once in a process of its own: what this one holds from the first run would hide the figure."""
    command = [sys.executable, str(Path(__file__).with_name("one_run.py")), str(big.workspace.home.root), big.sync.id]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    at_start, at_end = done.stdout.split()
    return f"{at_end} ({at_start} with everything imported)"


if __name__ == "__main__":
    report.run(main)
