from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from core.samples.demo_people import DemoTruth
from core.samples.demo_warehouse import build_demo_warehouse

CUSTOMERS = 2_000


@dataclass(frozen=True)
class Demo:
    path: Path
    truth: DemoTruth
    connection: duckdb.DuckDBPyConnection

    def read(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def read_one(self, sql: str) -> object:
        return self.read(sql)[0][0].as_py()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A small demo warehouse, opened for reading, with its truth."""
    path = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    truth = build_demo_warehouse(path, customers=CUSTOMERS)
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield Demo(path, truth, connection)
