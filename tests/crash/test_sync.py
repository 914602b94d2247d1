"""kill -9 in the middle of a sync, twenty times: nothing lost, nothing twice, the sheet closes."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import duckdb
import orjson
import pytest

from core.events.event_log import open_event_log
from core.setup.guided_setup import get_setup
from core.syncs import engine
from core.syncs.run import list_unfinished_runs, request_run
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.crash import work

KILLS = 20
ROWS = 6_000


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_a_sync_killed_at_twenty_random_moments_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails, so that the moments can be repeated
    chance = random.Random(seed)
    home = str(tmp_path / "home")
    workspace = open_workspace(home)
    setup = guided.map_columns(workspace, rows=ROWS)
    sync_id = str(setup.sync_id)
    killed = 0
    for number in range(3 * KILLS):
        if killed == KILLS:
            break
        guided.change_file(workspace, f"UPDATE customers SET plan = 'plan {number}' WHERE hash(id) % 3 = {number % 3}")
        killed += work.kill_after(chance.uniform(0.0, 0.5), work.sync, home, sync_id)
    assert killed == KILLS, "the runs ended before they could be killed"
    for run in list_unfinished_runs(workspace):
        ended = engine.execute_run(workspace, run.id)
        assert ended.sheet is not None
        assert ended.sheet.closes
    last = engine.execute_run(workspace, request_run(workspace, sync_id).id)
    assert last.sheet is not None
    assert last.sheet.closes

    source_id = get_setup(workspace).source_id
    messages = [
        orjson.loads(event.body)
        for event in open_event_log(workspace).read(0, 10_000_000)
        if event.source_id == source_id
    ]
    ids = [message["messageId"] for message in messages]
    assert len(ids) == len(set(ids))
    by_row = defaultdict(list)
    for message in messages:
        by_row[message["context"]["reverseEtl"]["rowKey"]].append(message)
    with duckdb.connect(str(workspace.home.warehouses / guided.FILE), read_only=True) as connection:
        wanted = dict(connection.execute("SELECT id, plan FROM customers").fetchall())
    assert set(by_row) == set(wanted)
    for key, sent in by_row.items():
        versions = [message["context"]["reverseEtl"]["version"] for message in sent]
        assert versions == list(range(1, len(versions) + 1)), f"row {key} was sent with versions {versions}"
        assert sent[-1]["traits"]["plan"] == wanted[key]
    workspace.close()
