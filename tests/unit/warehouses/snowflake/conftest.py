"""A warehouse on the emulator, with an empty database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.storage.home import open_home
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.emulators.snowflake.emulator import SECRETS, new_settings, run_all

MakeWarehouse = Callable[..., SnowflakeWarehouse]


@pytest.fixture
def make_warehouse(snowflake_port: int, tmp_path: Path) -> Iterator[MakeWarehouse]:
    """Makes a warehouse after running statements in its database."""
    with ExitStack() as stack:

        def make(*statements: str, **settings: object) -> SnowflakeWarehouse:
            values = {**new_settings(snowflake_port), **settings}
            run_all(snowflake_port, values, statements)
            home = open_home(tmp_path / "home")
            return stack.enter_context(SnowflakeWarehouse.open(home, values, SECRETS))

        yield make
