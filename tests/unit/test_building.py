"""A build of a space to its end; the process beside, which ends when it is told to or its parent is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import building, worker
from core.building import BuilderBeside, SpaceBuilders, build_space
from core.profiles.build import BuildReport
from core.profiles.lookup import count_profiles
from core.syncs.run import get_run, request_run
from core.traits.accounts import list_account_traits
from core.worker import Worker
from core.workspaces.workspace import Workspace, open_workspace
from tests.customers import Customers
from tests.feeding import Feed
from tests.new_home import new_home

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
RECORDS = 6_000  # from so many on a process beside builds
PARENT = """
import sys
from core.building import BuilderBeside
from core.workspaces.workspace import open_workspace
BuilderBeside(open_workspace(sys.argv[1])).start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


def test_a_build_in_one_go_and_one_in_rounds_read_everything_and_note_what_group_calls_say(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "ROUND_MESSAGES", 3)
    feed, builders, last = Feed(workspace), SpaceBuilders(workspace), 0
    told: list[BuildReport] = []
    for seats in (250, 300):
        for number in range(6):
            feed.identify(f"user {number}", traits={"seats": seats})
        last = feed.send("group", userId="user 1", groupId="acme", traits={"seats": seats})
        if seats == 250:
            report = build_space(workspace, feed.space_id, told.append)
            assert (report.read, report.profiles_created, report.offset, told[-1]) == (7, 6, last, report)
        else:
            report = builders.build(feed.space_id, lambda: False)
            assert (report.read, report.offset) == (7, last)
        assert [trait.value for trait in list_account_traits(workspace, feed.space_id, "acme")] == [seats]
    assert builders.build(feed.space_id, lambda: False) == BuildReport(offset=last)
    assert builders.build(feed.space_id, lambda: True) == BuildReport()


def test_what_is_written_to_the_log_meanwhile_is_built_beside(workspace: Workspace) -> None:
    feed = Feed(workspace)
    beside = BuilderBeside(workspace)
    beside.start()
    beside.start()
    try:
        for number in range(3):
            feed.identify(f"user {number}")
            _wait(lambda number=number: count_profiles(workspace, feed.space_id) == number + 1)  # type: ignore[misc]
        assert len(_list_children(workspace)) == 1
    finally:
        beside.stop()
    beside.stop()
    assert _list_children(workspace) == []


def test_the_process_beside_ends_when_its_parent_is_killed(workspace: Workspace) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(workspace.home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdout.readline()
    _wait(lambda: len(_list_children(workspace)) == 1)
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    _wait(lambda: _list_children(workspace) == [])


def test_a_long_delivery_ends_with_a_profile_for_each_row_and_nothing_left_running(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BESIDE_RECORDS", RECORDS)
    customers = Customers(workspace)
    feed = Feed(workspace)
    columns = "'k' || i AS id, i || '@x.example' AS email, i::INTEGER AS visits"
    customers.put([], f"CREATE TABLE customers AS SELECT {columns} FROM range({RECORDS}) t(i)")
    run = request_run(workspace, customers.sync.id)
    report = Worker(workspace).run_once()
    sheet = get_run(workspace, run.id).sheet
    assert (report.runs, report.failures) == (1, ())
    assert sheet is not None
    assert (sheet.closes, sheet.delivered) == (True, RECORDS)
    assert count_profiles(workspace, feed.space_id) == RECORDS
    assert _list_children(workspace) == []


def _list_children(workspace: Workspace) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if "core.building" in words and str(workspace.home.root.resolve()) in words:
            found.append(folder.name)
    return found


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
