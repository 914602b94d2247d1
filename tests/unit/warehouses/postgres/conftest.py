from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.storage.home import open_home
from core.warehouses.postgres.warehouse import PostgresWarehouse
from tests.postgres import PostgresServer
from tests.unit.warehouses.servers import PASSWORD

USER = "analyst"
Connect = Callable[..., PostgresWarehouse]


@pytest.fixture(scope="session")
def analyst(warehouse_server: PostgresServer) -> str:
    """A login with a password that may read what it is granted and nothing else."""
    warehouse_server.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
    return USER


@pytest.fixture
def connect(warehouse_server: PostgresServer, database: str, analyst: str, tmp_path: Path) -> Iterator[Connect]:
    """Opens a warehouse as a person's settings would; what is given stands in for what is right."""
    opened: list[PostgresWarehouse] = []

    def open_it(
        *, password: str = PASSWORD, secrets: dict[str, str] | None = None, **changed: object
    ) -> PostgresWarehouse:
        settings = {"host": "127.0.0.1", "port": warehouse_server.port, "database": database, "user": analyst}
        settings |= {"ssl_mode": "disable"} | changed
        opened.append(
            PostgresWarehouse.open(open_home(tmp_path / "home"), settings, {"password": password} | (secrets or {}))
        )
        return opened[-1]

    yield open_it
    for warehouse in opened:
        warehouse.close()
