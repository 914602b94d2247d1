from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from core.warehouses.embedded import EmbeddedWarehouse


@pytest.fixture(scope="session")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], EmbeddedWarehouse]:
    """Makes an embedded warehouse by one SQL script."""

    def make(sql: str) -> EmbeddedWarehouse:
        path: Path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)
        return EmbeddedWarehouse(path)

    return make


@pytest.fixture(scope="session")
def warehouse(make_warehouse: Callable[[str], EmbeddedWarehouse]) -> Iterator[EmbeddedWarehouse]:
    """People with all that a model can get wrong: a shared key, an empty one, odd names and values."""
    yield make_warehouse(
        "CREATE TABLE people AS SELECT * FROM (VALUES "
        "('a', 'Ann', 1, DATE '1980-01-01'), ('b', 'Đặng', 2, DATE '1880-01-01'), ('b', 'Bob', 3, NULL), "
        "(NULL, NULL, 9007199254740993, DATE '1990-01-01'), (' ', '', 5, DATE '1990-01-01')) t(id, name, n, born)"
    )
