"""A fresh workspace for each test, with a clock that stands still."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.events.event_log import open_event_log
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided
from tests.new_home import new_home

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"), clock=FixedClock(NOW))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ready_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose guided setup is complete up to step 4, made once and to be copied."""
    home = tmp_path_factory.mktemp("ready") / "home"
    opened = open_workspace(str(home), clock=FixedClock(NOW))
    guided.add_identifiers_and_traits(opened)
    opened.close()
    open_event_log(opened).close()
    return home


@pytest.fixture
def ready(ready_home: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose guided setup is complete up to step 4."""
    shutil.copytree(ready_home, tmp_path / "ready")
    opened = open_workspace(str(tmp_path / "ready"), clock=FixedClock(NOW))
    yield opened
    opened.close()
