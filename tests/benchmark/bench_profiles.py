"""Rows of a warehouse to unified profiles, end to end.

Once one after the other in one process, as one worker does it: sync into the event log, then build from it. And once
as two workers do it, on two cores: one process syncs, and another builds what is in the log already; the time from the
request of the run to the last profile is what a person waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import report
from big_sync import BigSync, open_big_sync, start_run

from core.profiles.build import ProfileBuilder, rebuild
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    arguments = report.make_parser(__doc__, rows=100_000).parse_args(argv)
    found = report.Report(f"rows -> profiles, {arguments.rows:,} rows, 8 columns, 2 identifiers, 2 computed traits")
    with open_big_sync(arguments.rows) as big:
        add_recipes(big.workspace, big.space.id, ["total_inbounds", "frequent_inbound_channel"])
        synced = _time(lambda: _require_delivered(big, arguments.rows))
        built = [_time(lambda: _require_built(big, arguments.rows))]
        for _ in range(arguments.repeat - 1):
            rebuild(big.workspace, big.space.id)
            built.append(_time(lambda: _require_built(big, arguments.rows)))
    build = min(built)
    with open_big_sync(arguments.rows) as big:
        add_recipes(big.workspace, big.space.id, ["total_inbounds", "frequent_inbound_channel"])
        overlapped = _measure_overlapped(big, arguments.rows)
    found.add(report.Measurement("end to end, one worker", synced + build, arguments.rows, note="sync + build"))
    found.add(report.Measurement("end to end, two workers", overlapped, arguments.rows, note="overlapped wall time"))
    found.add(report.Measurement("sync: rows to event log", synced, arguments.rows, note="first run, durable"))
    found.add(
        report.Measurement("build: event log to profiles", build, arguments.rows, tuple(round(run, 4) for run in built))
    )
    found.print(as_json=arguments.json)
    return 0


def _require_delivered(big: BigSync, rows: int) -> None:
    run = big.run()
    if run.sheet is None or not run.sheet.closes or run.sheet.delivered != rows:
        raise SystemExit(f"the run did not deliver every row: {run.state} {run.error} {run.sheet}")


def _require_built(big: BigSync, rows: int) -> None:
    report_ = ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine()).build()
    if report_.profiles_created != rows:
        raise SystemExit(f"the build did not make a profile a row: {report_}")


def _measure_overlapped(big: BigSync, rows: int) -> float:
    syncing = start_run(big)
    assert syncing.stdin is not None
    created = 0
    started = time.perf_counter()
    syncing.stdin.write("\n")
    syncing.stdin.close()
    is_over = False
    while not is_over:
        is_over = syncing.poll() is not None  # asked before the build: what was sent until then is in the log
        created += ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine()).build().profiles_created
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    if syncing.returncode or created != rows:
        raise SystemExit(f"{created} profiles of {rows} rows; the sync ended with {syncing.returncode}")
    return seconds


def _time(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
