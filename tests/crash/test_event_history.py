"""kill -9 while days are closed, indexed, deleted and dropped: nothing is missing, nothing is there twice."""

from __future__ import annotations

import random
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.events.history.keep import keep_history
from core.workspaces.retention import set_keep_days
from core.workspaces.workspace import Workspace, open_workspace
from tests.closed_days import DAY, append_days, make_entry
from tests.crash import work


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_a_history_that_was_killed_again_and_again_has_every_message_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    home = tmp_path / "home"
    workspace = open_workspace(str(home), clock=FixedClock(DAY + timedelta(days=13, hours=1)))
    append_days(open_event_log(workspace), [700] * 10)
    everything = open_event_log(workspace).read(0, 100_000)
    killed = 0
    for day, kills in ((11, 6), (13, 5)):  # the days are closed and indexed; then SQLite lets go of them
        for _ in range(kills):
            killed += work.kill_after(chance.uniform(0.0, 0.4), work.keep, str(home), day)
            _check(home, everything)
            log = open_event_log(workspace)
            entry = make_entry(100_000 + len(everything), DAY + timedelta(days=10, hours=2))
            (offset,) = log.append([entry])
            everything.append(StoredEvent(offset, *entry[:7]))
        _check(_copy(home, tmp_path / f"copy of day {day}"), everything)
        work.finish(work.keep, str(home), day)
        _check(home, everything)
    assert _count_rows(workspace) < 100, "SQLite has let go of what is in files"
    set_keep_days(workspace, 8)
    kept = [event for event in everything if event.received_at >= DAY + timedelta(days=5)]
    for _ in range(4):
        killed += work.kill_after(chance.uniform(0.0, 0.2), work.keep, str(home), 13)
    keep_history(workspace)
    log = open_event_log(workspace)
    assert killed >= 7, "the work ended before it could be killed"
    assert log.read(0, 100_000) == kept
    assert sum(log.count_by_source().values()) == len(kept)
    assert not [path for path in workspace.home.history.glob("*.parquet") if path.name < "2026-11-06"]
    log.close()
    workspace.close()


def _count_rows(workspace: Workspace) -> int:
    with open_event_log(workspace).borrow() as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def _check(home: Path, everything: list[StoredEvent]) -> None:
    log = EventLog(home / "events.db")
    try:
        assert log.read(0, 100_000) == everything
        assert [event.offset for event in log.get_many(range(1, len(everything) + 1))] == [
            event.offset for event in everything
        ]
        assert sum(log.count_by_source().values()) == len(everything)
        found = log.search(text="bought", limit=100_000)
        assert [event.offset for event in found] == [event.offset for event in reversed(everything)]
    finally:
        log.close()


def _copy(home: Path, target: Path) -> Path:
    # By another process: one that has SQLite's files open itself drops SQLite's locks when it closes its own copies.
    subprocess.run(["cp", "-a", str(home), str(target)], check=True)
    return target
