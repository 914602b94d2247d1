"""A sync in which nothing changed, against a bare DuckDB hash join of the same rows, and drt-core, in the same run.

drt has no diff of a DuckDB source (its own words are printed), so it is raced at what it does have: sending every row
again to a JSON-lines file, and a cursor over `changed_at`, which reads only newer rows and so cannot see a deletion,
nor a change that leaves that column alone. Its times are of the whole command, ours from request to closed sheet.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import report
from big_sync import SQL, TRAITS, BigSync, make_table, open_big_sync
from drt_peer import DidNotFinish, DrtPeer


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--without-drt", action="store_true", help="do not install and race drt-core")
    arguments = parser.parse_args(argv)
    found = report.Report(f"sync, nothing changed, {arguments.rows:,} rows, embedded warehouse")
    with open_big_sync(arguments.rows) as big:
        first = report.measure("first run: every row delivered", arguments.rows, big.run, repeat=1)
        _require_unchanged(big, arguments.rows)
        unchanged = found.add(
            report.measure("unchanged sync", arguments.rows, big.run, repeat=arguments.repeat, note="request to closed")
        )
        join = _measure_join(big.path.with_name("join.duckdb"), arguments.rows, arguments.repeat)
        found.measurements += [join, first]
        if arguments.without_drt:
            found.not_measured["drt-core"] = "left out"
        else:
            _race_drt(found, big, arguments.rows, unchanged)
        found.ratios["unchanged sync to bare hash join (seconds)"] = unchanged.seconds / join.seconds
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


def _race_drt(found: report.Report, big: BigSync, rows: int, ours: report.Measurement) -> None:
    """Time each way of drt's once, because one takes long, and say of the one that does not end that it did not."""
    copy = shutil.copy(big.path, big.path.with_name("drt.duckdb"))  # it opens the file for writing: that shuts us out
    peer = DrtPeer.on_duckdb(big.path.with_name("drt"), copy, SQL)
    found.facts["drt-core, incremental_strategy: diff"] = peer.ask_for_diff()
    found.add(report.measure("drt, only started", 1, peer.start))
    for name, note in (("full", "every row again, to a JSON-lines file"), ("cursor", "rows newer than the last")):
        try:
            if name == "cursor":
                peer.run(name)  # the run after this one finds nothing newer
            theirs = report.measure(f"drt, {name}", rows, lambda name=name: peer.run(name), repeat=1, note=note)  # type: ignore[misc]
        except DidNotFinish as error:
            found.not_measured[f"drt, {name}"] = str(error)
            continue
        if peer.count_written(name) != rows:
            raise SystemExit(f"drt wrote {peer.count_written(name)} of {rows} rows")
        found.add(theirs)
        found.ratios[f"drt, {name}, to unchanged sync (seconds)"] = theirs.seconds / ours.seconds


if __name__ == "__main__":
    report.run(main)
