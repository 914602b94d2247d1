from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.workspaces.workspace import Workspace, open_workspace
from tests.emulators.ssh_server import SshServer
from tests.new_home import new_home
from tests.postgres import PostgresServer

_NUMBERS = itertools.count(1)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def bastion() -> Iterator[SshServer]:
    """An SSH server that lets one user in."""
    server = SshServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def database(warehouse_server: PostgresServer) -> Iterator[str]:
    """An empty database of this module's own."""
    name = f"module_{next(_NUMBERS)}"
    warehouse_server.execute(f"CREATE DATABASE {name}")
    yield name
    warehouse_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def admin(warehouse_server: PostgresServer, database: str) -> Iterator[psycopg.Connection]:
    """The owner of the database, by the bare driver."""
    with psycopg.connect(warehouse_server.url(database), autocommit=True) as connection:
        yield connection
