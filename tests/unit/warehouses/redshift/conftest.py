from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from core.storage.home import open_home
from core.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.authority import Authority
from tests.emulators.postgres_front import PostgresFront
from tests.emulators.redshift_catalog import make_catalog
from tests.postgres import PostgresServer, make_login
from tests.unit.warehouses.servers import PASSWORD

USER = "redshift_analyst"
Connect = Callable[..., RedshiftWarehouse]


@pytest.fixture(scope="session")
def analyst(warehouse_server: PostgresServer) -> str:
    """A login with a password that may read what it is granted and nothing else."""
    with psycopg.connect(warehouse_server.url("postgres"), autocommit=True) as connection:
        make_login(connection, USER, PASSWORD)
    return USER


@pytest.fixture(scope="module", autouse=True)
def _catalog(admin: psycopg.Connection) -> None:
    make_catalog(admin)


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This computer trusts the authority of the tests: OpenSSL is told so, as an administrator may."""
    (tmp_path / "authority.pem").write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.fixture
def connect(redshift_front: PostgresFront, database: str, analyst: str, tmp_path: Path) -> Iterator[Connect]:
    """Opens a warehouse as a person's settings would; what is given stands in for what is right."""
    opened: list[RedshiftWarehouse] = []

    def open_it(
        *, password: str = PASSWORD, secrets: dict[str, str] | None = None, **changed: object
    ) -> RedshiftWarehouse:
        settings = {"host": "localhost", "port": redshift_front.port, "database": database, "user": analyst}
        settings |= {"ssl_mode": "disable"} | changed
        opened.append(
            RedshiftWarehouse.open(open_home(tmp_path / "home"), settings, {"password": password} | (secrets or {}))
        )
        return opened[-1]

    yield open_it
    for warehouse in opened:
        warehouse.close()
