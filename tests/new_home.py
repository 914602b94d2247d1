"""New homes whose state store is a copy: to make its tables takes longer than most of the tests that want them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from core.storage.database import open_database
from core.storage.home import open_home
from core.storage.migrate import migrate

OF_THE_TESTS = ("ONRAMP_STATIC", "ONRAMP_CHROMIUM", "ONRAMP_SCREENSHOTS")
"""The settings from outside that tests go by; no others do."""


def new_home(folder: Path | str) -> str:
    """Make a home in `folder` with an empty store of this version in it, as opening a workspace there would."""
    open_home(str(folder)).workspace_db.write_bytes(_make_store())
    return str(folder)


@cache
def _make_store() -> bytes:
    with TemporaryDirectory() as folder:
        home = open_home(folder)
        database = open_database(home, f"sqlite:///{home.workspace_db}")
        migrate(database, home)
        database.close()
        return home.workspace_db.read_bytes()
