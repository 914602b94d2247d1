"""What a time without a zone means is a setting of the warehouse; the mapping obeys it."""

from __future__ import annotations

import duckdb
import orjson
import pytest

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import InvalidField
from core.mappings.check import open_engine
from core.mappings.compile import compile_mapping
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.storage.home import Home
from core.warehouses.definition import read_columns
from core.warehouses.embedded import EmbeddedWarehouse

MAPPING = FieldMapping(
    (
        MappingEntry("engage_space", None, Constant("spa_1")),
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("timestamp", None, ColumnRef("seen")),
        MappingEntry("traits", "seen", ColumnRef("seen")),
        MappingEntry("traits", "moved", ColumnRef("moved")),
        MappingEntry("traits", "born", ColumnRef("born")),
    )
)


def _map(home: Home, zone: str) -> dict[str, object]:
    path = home.warehouses / "times.duckdb"
    if not path.exists():
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone='UTC'")
            connection.execute(
                "CREATE TABLE t AS SELECT 'c1' AS id, TIMESTAMP '1969-07-20 22:17:40.5' AS seen, "
                "TIMESTAMPTZ '2024-07-01 10:00:00+00' AS moved, DATE '1931-07-04' AS born"
            )
    with EmbeddedWarehouse.open(home, {"path": path.name, "time_zone": zone}, {}) as warehouse:
        rows = warehouse.query("SELECT * FROM t")
        assert read_columns(rows.schema) == warehouse.describe("SELECT * FROM t")
    compiled = compile_mapping(MAPPING, SEND_IDENTIFY.fields, read_columns(rows.schema), "id")
    with open_engine() as engine:
        engine.register("model_rows", rows)
        found = engine.execute(compiled.select("model_rows")).fetchone()
    assert found is not None
    payload: dict[str, object] = orjson.loads(found[1])
    return payload


def test_a_time_without_a_zone_is_utc_unless_the_warehouse_says_otherwise(home: Home) -> None:
    utc, berlin, new_york = (_map(home, zone) for zone in ("UTC", "Europe/Berlin", "America/New_York"))
    assert utc["timestamp"] == "1969-07-20T22:17:40.500000Z"
    assert berlin["timestamp"] == "1969-07-20T21:17:40.500000Z"
    assert new_york["timestamp"] == "1969-07-21T02:17:40.500000Z"
    assert berlin["traits"] == {"seen": berlin["timestamp"], "moved": "2024-07-01T10:00:00Z", "born": "1931-07-04"}


def test_a_time_zone_that_does_not_exist_is_refused_with_what_does(home: Home) -> None:
    with pytest.raises(InvalidField, match="Mars/Olympus") as caught:
        EmbeddedWarehouse.open(home, {"path": "times.duckdb", "time_zone": "Mars/Olympus"}, {})
    assert "Europe/Berlin" in caught.value.hint and caught.value.context["field"] == "time_zone"
