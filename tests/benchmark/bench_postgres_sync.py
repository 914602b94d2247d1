"""A first sync of a Postgres table, one with nothing changed and one with 1 % changed; drt-core in the same run.

Both compare inside the warehouse. Ours delivers into the event log and waits until the disk has it, as far as the disk
tells. drt's `incremental_strategy: diff` asks for a destination with a key, and of those only Postgres runs here: one
row at a time, into a table of the same server, which is set not to wait for the disk. So that its comparison is not
judged by that, it is raced to its own JSON-lines writer too, which a plugin gives a key, and which does not wait for
the disk either. Its times are of the whole command, ours from request to closed sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import report
from big_sync import set_up_sync
from drt_peer import DidNotFinish, DrtPeer
from postgres_table import PASSWORD, SQL, TRAITS, PostgresTable, open_postgres_table

from core.syncs.engine import execute_run
from core.syncs.run import request_run
from core.workspaces.workspace import Workspace, open_workspace

CHANGED_SHARE = 0.01
PEERS = {"file": "JSON lines, no waiting for the disk", "table": "a row at a time, no waiting for the disk"}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--without-drt", action="store_true", help="do not install and race drt-core")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds that one command of drt may take")
    arguments = parser.parse_args(argv)
    found = report.Report(f"sync from Postgres, compared inside it, {arguments.rows:,} rows")
    with open_postgres_table(arguments.rows) as table, TemporaryDirectory(prefix="onramp-bench-") as folder:
        workspace = open_workspace(Path(folder) / "home")
        try:
            race = Race(found, table)
            race.add("ours", _make_ours(workspace, table), "event log, waiting for the disk")
            if arguments.without_drt:
                found.not_measured["drt-core"] = "left out"
            else:
                _add_drt(race, found, table, Path(folder) / "drt", arguments.timeout)
            race.run(arguments.repeat)
        finally:
            workspace.close()
    found.print(as_json=arguments.json)
    return 0


class Race:
    """Each contestant syncs the same table, and returns how many records it delivered."""

    def __init__(self, found: report.Report, table: PostgresTable) -> None:
        self._found, self._table = found, table
        self._sync: dict[str, Callable[[], int]] = {}
        self._notes: dict[str, str] = {}
        self._seconds: dict[str, dict[str, list[float]]] = {}

    def add(self, name: str, sync: Callable[[], int], note: str) -> None:
        """Add a contestant."""
        self._sync[name], self._notes[name] = sync, note

    def run(self, repeat: int) -> None:
        """Sync first, then unchanged and changed in turn, each contestant after the other."""
        self._take_turns("first", self._table.rows)
        for _ in range(repeat):
            self._take_turns("unchanged", 0)
            self._take_turns("changed", self._table.change(CHANGED_SHARE))
        for phase, seconds in self._seconds.items():
            for name, values in seconds.items():
                runs = tuple(round(value, 3) for value in values)
                note = self._notes[name]
                self._found.add(report.Measurement(f"{phase}: {name}", min(values), self._table.rows, runs, note))
                if name != "ours":
                    self._found.ratios[f"{phase}: {name} to ours (seconds)"] = min(values) / min(seconds["ours"])

    def _take_turns(self, phase: str, due: int) -> None:
        for name, sync in list(self._sync.items()):
            started = time.perf_counter()
            try:
                delivered = sync()
            except DidNotFinish as error:
                self._found.not_measured[f"{name}: {phase}, and what follows"] = str(error)
                del self._sync[name]
                continue
            seconds = time.perf_counter() - started
            if delivered != due:
                raise SystemExit(f"{name}, {phase}: {delivered} records came instead of {due}")
            self._seconds.setdefault(phase, {}).setdefault(name, []).append(seconds)


def _make_ours(workspace: Workspace, table: PostgresTable) -> Callable[[], int]:
    secrets = {"password": PASSWORD}
    _, sync = set_up_sync(workspace, "postgres", table.settings, sql=SQL, traits=TRAITS, secrets=secrets)

    def run() -> int:
        done = execute_run(workspace, request_run(workspace, sync.id).id)
        if done.sheet is None or not done.sheet.closes or done.sheet.delivered + done.sheet.unchanged != table.rows:
            raise SystemExit(f"our sync was another: {done.state} {done.error} {done.sheet}")
        return done.sheet.delivered

    return run


def _add_drt(race: Race, found: report.Report, table: PostgresTable, folder: Path, timeout_s: float) -> None:
    table.server.execute("CREATE TABLE delivered (LIKE customers INCLUDING ALL)")
    peer = DrtPeer.on_postgres(folder, table, SQL, "delivered", timeout_s)
    found.add(report.measure("drt, only started", 1, peer.start))

    def run(name: str) -> int:
        said = peer.run(name).replace(",", "").split()
        return next(int(word) for word in said if word.isdigit())

    for name, note in PEERS.items():
        race.add(f"drt, {name}", partial(run, name), note)


if __name__ == "__main__":
    report.run(main)
