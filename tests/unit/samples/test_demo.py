from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from core.events.event_log import open_event_log
from core.events.message import parse_time
from core.samples.demo import append_demo_events, ensure_demo_warehouse
from core.sources.store import list_sources
from core.warehouses.registry import open_warehouse
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace, open_workspace

pytestmark = pytest.mark.xdist_group("demo warehouse")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = open_workspace(str(tmp_path_factory.mktemp("home")))
    yield workspace
    workspace.close()


def test_the_demo_warehouse_is_made_once_and_can_be_read(workspace: Workspace) -> None:
    told: list[str] = []
    record = ensure_demo_warehouse(workspace, lambda what, _share: told.append(what))
    assert told
    made_at = (workspace.home.warehouses / "demo.duckdb").stat().st_mtime_ns
    assert ensure_demo_warehouse(workspace).id == record.id
    assert (workspace.home.warehouses / "demo.duckdb").stat().st_mtime_ns == made_at
    assert len(list_warehouses(workspace)) == 1
    assert [path.name for path in workspace.home.warehouses.iterdir()] == ["demo.duckdb"]
    with open_warehouse(workspace, record.id) as warehouse:
        counted = warehouse.query("SELECT count(*) AS n FROM salesforce.contacts")
    assert counted["n"][0].as_py() > 20_000


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = open_workspace(str(tmp_path))

    def fail(what: str, share: float) -> None:
        if "orders" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_demo_warehouse(workspace, fail)
    assert list(workspace.home.warehouses.iterdir()) == []
    assert list_warehouses(workspace) == []
    workspace.close()


def test_demo_events_are_written_once_through_the_flex_source(workspace: Workspace) -> None:
    added = append_demo_events(workspace)
    assert added > 30_000
    assert append_demo_events(workspace) == 0
    (flex,) = list_sources(workspace, kind="flex")
    log = open_event_log(workspace)
    assert log.count_by_source() == {flex.id: added}
    first = log.read(0, 1)[0]
    assert (first.type, first.name) == ("track", "Flex - Engagement Initiated")
    assert first.received_at == parse_time(orjson.loads(first.body)["timestamp"])
