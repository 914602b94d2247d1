"""Deleting one person from the event log: finding the messages, taking them out, writing the file anew.

Beside it, the bare reading of the same files, and the bare copy of the SQLite file.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import report
from many_events import close_days, email_of, make_rows

from core.clock import from_millis
from core.events.erase import Marks, compact, erase_messages, scan_log
from core.events.event_log import EventLog, LogEntry

USER = 4_711


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=300_000)
    parser.add_argument("--today", type=int, default=100_000, help="messages that are rows of SQLite (default 100,000)")
    arguments = parser.parse_args(argv)
    found = report.Report(
        f"delete one person from {arguments.rows:,} events in 30 closed days, {arguments.today:,} rows"
    )
    with tempfile.TemporaryDirectory(prefix="onramp-events-") as folder:
        log = EventLog(Path(folder) / "events.db")
        try:
            _fill(log, arguments.rows, arguments.today)
            _delete(log, arguments.rows + arguments.today, found)
        finally:
            log.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(log: EventLog, count: int, today: int) -> None:
    close_days(log, count, 30)
    for start in range(0, today, 5_000):
        rows = make_rows(min(5_000, today - start), 1, seed=start + 1, first=count + start + 1)
        log.append([LogEntry(*row[1:6], from_millis(row[6]), row[7]) for row in rows])


def _delete(log: EventLog, events: int, found: report.Report) -> None:
    folder = log.path.parent
    read = report.measure("bare reading of the files", events, lambda: _read_all(folder), repeat=1)
    marks = Marks([f"u{USER}"], [email_of(USER)])
    hits: list[int] = []
    scan = report.measure(
        "find the messages", events, lambda: hits.extend(each for each, _ in scan_log(log, marks)), repeat=1
    )
    take = report.measure(
        "take them out", events, lambda: erase_messages(log, hits), repeat=1, note=f"{len(hits)} of them"
    )
    copy = report.measure("bare copy of events.db", events, lambda: _copy(log.path), repeat=1)
    anew = report.measure("write events.db anew", events, lambda: compact(log), repeat=1, note="senders wait")
    for each in (read, scan, take, copy, anew):
        found.add(each)
    found.ratios = {
        "find / bare reading": scan.seconds / read.seconds,
        "write anew / bare copy": anew.seconds / copy.seconds,
    }
    found.facts["MB of events.db"] = round(log.path.stat().st_size / 1e6, 1)
    if list(scan_log(log, marks)):
        raise SystemExit("messages of the person are left")


def _read_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def _copy(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").unlink()


if __name__ == "__main__":
    report.run(main)
