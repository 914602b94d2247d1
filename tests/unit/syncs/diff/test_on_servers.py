"""The comparison inside each warehouse, below the sync: what comes back of new, changed, gone and equal rows."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from core.storage.home import open_home
from core.syncs.diff.dialect import IS_GONE, IS_KNOWN, KEY, PRINT
from core.syncs.diff.warehouse_diff import WarehouseDiff
from core.warehouses.engines import get_engine
from tests.engines import ENGINES, Engine, open_engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, request) as opened:
        number, text = opened.types["integer"], opened.types["text"]
        opened.run(f"CREATE TABLE crm.people (id {number}, name {text})")
        opened.fill("crm.people", [(1, "a"), (2, ""), (3, None), (5, "e")])
        yield opened


def test_what_is_new_changed_or_gone_comes_back_and_nothing_else(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    query = f"SELECT id AS {engine.quote('id')}, name AS {engine.quote('name')} FROM crm.people"
    home = open_home(tmp_path_factory.mktemp("home"))
    with get_engine(engine.kind).open(home, engine.settings, engine.secrets) as warehouse:
        diff, columns = WarehouseDiff(warehouse, "syn_1"), warehouse.describe(query)
        diff.prepare()
        assert (diff.read_generation(), diff.count_records()) == (None, 0)
        rows = pa.Table.from_batches(diff.open_rows(query, "id", columns, is_complete=True))
        known = pa.RecordBatch.from_pydict({"record_id": rows[KEY].to_pylist(), "print": rows[PRINT].to_pylist()})
        diff.record([known], "gen_1", is_complete=True)
        assert (diff.read_generation(), diff.count_records()) == ("gen_1", 4)
        assert pa.Table.from_batches(diff.open_rows(query, "id", columns, is_complete=False)).num_rows == 0
        engine.fill("crm.people", [(2, ""), (3, ""), (4, "d"), (5, "e")])
        found = pa.Table.from_batches(diff.open_rows(query, "id", columns, is_complete=False)).to_pylist()
        assert sorted((row[KEY], row[IS_KNOWN], row[IS_GONE]) for row in found) == [
            ("1", True, True),
            ("3", True, False),
            ("4", False, False),
        ]
        diff.forget()
        assert (diff.read_generation(), diff.count_records()) == (None, None)
    assert engine.list_state_tables() == []
