"""A hosted warehouse that is cut off in the middle of a sync: nothing is lost, nothing is sent twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import orjson
import pytest

from core.errors import Unreachable
from core.events.event_log import open_event_log
from core.storage.home import Home
from core.syncs.run import RunState, SyncRun
from core.syncs.sync import Sync
from core.warehouses.engines import get_engine
from core.workspaces.workspace import Workspace
from tests.crm import Crm
from tests.emulators.door import Door, open_door
from tests.engines import ENGINES, open_engine

FEW_ROWS = {"bigquery": 60, "snowflake": 60}  # emulators are slow
MANY_ROWS = 1_000


def choose_cuts(kind: str, size: int) -> tuple[int, ...]:
    """Return after how many bytes to cut: before the first answer, among the rows, while the warehouse is told."""
    if kind == "bigquery":  # which tries for half a minute to get each page of a result, so not among the rows
        return round(size * 0.02), round(size * 0.97)
    return (0, size // 2, round(size * 0.97)) if kind in FEW_ROWS else (0, size // 2, size - 2_000, size - 150)


class CutOff:
    """A sync whose warehouse stands behind a door; every row's `visits` is the number of the last change."""

    def __init__(self, crm: Crm, door: Door) -> None:
        self.crm, self.door = crm, door
        self.rows = FEW_ROWS.get(crm.engine.kind, MANY_ROWS)
        self.sync: Sync = crm.make_sync()
        self.change(0)

    def change(self, number: int) -> None:
        self.crm.put([(key, f"{key}@x.example", number) for key in range(self.rows)])

    def run(self) -> SyncRun:
        return self.crm.run(self.sync)

    def measure(self) -> int:
        """Send every row twice; return how many bytes came from the warehouse the second time."""
        assert self.run().sheet.added == self.rows
        self.change(1)
        before = self.door.passed
        assert self.run().sheet.updated == self.rows
        return self.door.passed - before

    def require_sent(self, visits: list[int]) -> None:
        """Require that each row was sent once with each of `visits`, in that order."""
        assert self._read_visits() == {str(key): visits for key in range(self.rows)}

    def _read_visits(self) -> dict[str, list[int]]:
        """Return what was sent of each row, in order; no message has the id or the version of another."""
        versions, visits, ids = defaultdict(list), defaultdict(list), []
        for event in open_event_log(self.crm.workspace).read(0, 1_000_000):
            message = orjson.loads(event.body)
            origin = message["context"]["reverseEtl"]
            ids.append(message["messageId"])
            versions[origin["rowKey"]].append(origin["version"])
            visits[origin["rowKey"]].append(message["traits"]["visits"])
        assert len(ids) == len(set(ids))
        assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
        return visits


def read_left(run: SyncRun) -> int:
    """Return how many rows left the warehouse."""
    return run.progress["extracted"]


@pytest.fixture(params=ENGINES)
def cut_off(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[CutOff]:
    with open_engine(request.param, request) as engine, open_door(engine.port) as door:
        yield CutOff(Crm(workspace, engine, **engine.reached_at(door.port)), door)


def test_wherever_the_connection_is_cut_nothing_is_lost_and_nothing_sent_twice(cut_off: CutOff) -> None:
    size = cut_off.measure()
    sent = [0, 1]
    for number, at in enumerate(choose_cuts(cut_off.crm.engine.kind, size), start=2):
        cut_off.change(number)
        cut_off.door.shut_after(at)
        run = cut_off.run()
        assert cut_off.door.is_shut and run.sheet.closes
        if run.state is RunState.FAILED:
            assert run.error["message"].endswith(".") and run.error["hint"] and run.error["retryable"]
            assert run.error["code"] in ("connection_lost", "unreachable") and run.sheet.delivered == 0
        else:  # what was sent is sent; the warehouse was not told
            assert (run.state, run.sheet.updated) == (RunState.SUCCEEDED, cut_off.rows)
        cut_off.door.open()
        after = cut_off.run()
        assert (after.state, after.sheet.closes, read_left(after)) == (RunState.SUCCEEDED, True, cut_off.rows)
        sent.append(number)
        cut_off.require_sent(sent)
    again = cut_off.run()
    assert (again.sheet.unchanged, read_left(again)) == (cut_off.rows, 0)
    _cut_once(cut_off, size, sent)


def _cut_once(cut_off: CutOff, size: int, sent: list[int]) -> None:
    """Require that a connection that is cut once is followed by another, or by one sentence."""
    cut_off.door.cuts = 0
    cut_off.change(len(sent))
    cut_off.door.shut_after(size // 2, once=True)
    run = cut_off.run()
    assert cut_off.door.cuts == 1 and run.sheet.closes
    if cut_off.crm.engine.kind == "bigquery":  # each page of its result can be asked for again
        assert (run.state, run.sheet.updated) == (RunState.SUCCEEDED, cut_off.rows)
    else:
        assert (run.state, run.error["retryable"]) == (RunState.FAILED, True)
        assert cut_off.run().sheet.updated == cut_off.rows
    cut_off.require_sent([*sent, len(sent)])


@pytest.mark.parametrize("size", [0, 20])
@pytest.mark.parametrize("kind", ENGINES)
def test_a_server_that_hangs_up_on_a_connection_test_is_told_in_one_sentence(
    kind: str, size: int, request: pytest.FixtureRequest, home: Home
) -> None:
    with open_engine(kind, request) as engine, open_door(engine.port) as door:
        door.shut_after(size)
        settings = engine.settings | engine.reached_at(door.port)
        with get_engine(kind).open(home, settings, engine.secrets) as warehouse:
            report = warehouse.test_connection()
    assert not report.ok and isinstance(report.error, Unreachable)
    assert report.error.message.count(".") - report.error.message.count("127.0.0.1") * 3 == 1
    assert report.error.hint and report.error.context["engine_message"]
    told = f"{report.error} {report.error.to_dict()}"
    assert not any(secret in told for secret in engine.secrets.values())
