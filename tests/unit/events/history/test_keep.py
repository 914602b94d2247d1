"""The worker keeps the history: days are closed, words indexed, what is too old is dropped, one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import RunInProgress
from core.events.event_log import EventLog, open_event_log
from core.events.history import word_index
from core.events.history.keep import count_older, find_cutoff, keep_history
from core.events.history.layout import list_closed_files, list_word_files
from core.events.refused import Refusal, search_refused
from core.storage.lease import hold_lease
from core.worker import Worker
from core.workspaces.retention import set_keep_days
from core.workspaces.workspace import Workspace, open_workspace
from tests.closed_days import DAY, append_days
from tests.new_home import new_home

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"), clock=FixedClock(DAY + timedelta(days=10, hours=1)))
    yield opened
    open_event_log(opened).close()
    opened.close()


def list_days(log: EventLog) -> list[str]:
    with log.borrow() as connection:
        return [file.day for file in list_closed_files(connection)]


def test_a_round_of_the_worker_closes_days_and_indexes_words_and_the_next_one_has_nothing_to_do(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 10)
    log = open_event_log(workspace)
    append_days(log, [15, 10])
    assert Worker(workspace).run_once().failures == ()
    assert list_days(log) == ["2026-11-01", "2026-11-02"]
    with log.borrow() as connection:
        assert [(file.first, file.last) for file in list_word_files(connection)] == [(1, 10), (11, 20)]
    assert keep_history(workspace) == 0
    assert isinstance(workspace.clock, FixedClock)
    workspace.clock.advance(timedelta(hours=25))
    assert keep_history(workspace) == 1, "what SQLite held for duplicates is deleted"
    with log.borrow() as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    assert len(log.read(0, 100)) == 25


def test_a_running_worker_closes_days_in_a_thread_that_gives_way(workspace: Workspace) -> None:
    log = open_event_log(workspace)
    append_days(log, [3])
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    worker = Worker(workspace)
    worker.start()
    try:
        (history,) = [thread for thread in threading.enumerate() if thread.name == "onramp history"]
        deadline = time.monotonic() + 60
        while not list_days(log) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list_days(log) == ["2026-11-01"]
        assert history.native_id is not None
        if sys.platform == "linux":
            assert os.getpriority(os.PRIO_PROCESS, history.native_id) > mine
            assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine
    finally:
        worker.stop()
    assert not worker.is_alive


def test_what_is_older_than_the_setting_is_dropped_accepted_or_refused(workspace: Workspace) -> None:
    log = open_event_log(workspace)
    append_days(log, [4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 2])
    times = [DAY + timedelta(days=days) for days in (0, 2, 5)]
    log.append([], [Refusal("src_a", "id_required", "no id", None, None, None, None, at, b"{}") for at in times])
    keep_history(workspace)
    assert len(log.read(0, 100)) == 18
    cutoff = find_cutoff(workspace, 7)
    assert cutoff is not None
    assert count_older(log, cutoff) == 12
    set_keep_days(workspace, 7)
    keep_history(workspace)
    assert list_days(log) == ["2026-11-04"]
    assert [event.offset for event in log.read(0, 100)] == list(range(13, 19))
    assert log.count_by_source() == {"src_a": 3, "src_b": 3}
    assert [event.received_at for event in search_refused(log)] == times[:0:-2]
    assert len(list(workspace.home.history.glob("*.parquet"))) == 1
    assert count_older(log, cutoff) == 0


def test_an_index_of_dropped_messages_goes_with_them(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 4)
    log = open_event_log(workspace)
    append_days(log, [6, 0, 0, 6])
    keep_history(workspace)
    set_keep_days(workspace, 7)
    keep_history(workspace)
    assert sorted(path.name for path in (workspace.home.history / "words").iterdir()) == [
        "000000000005-000000000008.words",
        "000000000009-000000000012.words",
    ]
    assert [event.offset for event in log.search(text="bought")] == list(range(12, 6, -1))


def test_a_second_process_leaves_the_history_to_the_first(workspace: Workspace) -> None:
    append_days(open_event_log(workspace), [3])
    with hold_lease(workspace.database, "history"), pytest.raises(RunInProgress):
        keep_history(workspace)
    assert keep_history(workspace) == 1


WORK = """
import sys
from datetime import timedelta
from core.clock import FixedClock
from core.errors import RunInProgress
from core.events.history import close, word_index
from core.events.history.keep import keep_history
from core.workspaces.workspace import open_workspace
from tests.closed_days import DAY
close.FILE_EVENTS = word_index.PART_EVENTS = 300
workspace = open_workspace(sys.argv[1], clock=FixedClock(DAY + timedelta(days=10, hours=1)))
steps = 0
while True:
    try:
        done = keep_history(workspace)
    except RunInProgress:
        continue
    if not done:
        break
    steps += done
print(steps)
"""


def test_two_processes_at_once_close_each_day_once(workspace: Workspace) -> None:
    log = open_event_log(workspace)
    append_days(log, [400, 400, 400, 400])
    everything = log.read(0, 10_000)
    command = [sys.executable, "-c", WORK, str(workspace.home.root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(answer[0]) for answer in answers) == 8 + 5, "eight files of days and five of words"
    assert len(list(workspace.home.history.glob("*.parquet"))) == 8
    assert log.read(0, 10_000) == everything


FULL = """
import resource, sys
from datetime import timedelta
from core.clock import FixedClock
from core.errors import StorageFull
from core.events.history.keep import keep_history
from core.workspaces.workspace import open_workspace
from tests.closed_days import DAY
workspace = open_workspace(sys.argv[1], clock=FixedClock(DAY + timedelta(days=10, hours=1)))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    keep_history(workspace)
except StorageFull as error:
    print(error.code, error, error.hint)
"""


def test_a_disk_that_fills_up_leaves_the_day_where_it_was(workspace: Workspace) -> None:
    log = open_event_log(workspace)
    append_days(log, [2_000])
    everything = log.read(0, 10_000)
    command = [sys.executable, "-c", FULL, str(workspace.home.root), "20000"]
    said = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("storage_full"), said
    assert [path for path in workspace.home.history.iterdir() if path.is_file()] == []
    assert log.read(0, 10_000) == everything
    assert keep_history(workspace) == 1, "with room again it is closed"
    assert log.read(0, 10_000) == everything


def test_the_files_are_private(workspace: Workspace) -> None:
    append_days(open_event_log(workspace), [3])
    keep_history(workspace)
    assert workspace.home.history.stat().st_mode & 0o077 == 0
