"""A fresh workspace for each test, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.workspaces.workspace import Workspace, open_workspace
from tests.new_home import new_home


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"), clock=FixedClock(datetime(2026, 11, 24, 9, tzinfo=UTC)))
    yield opened
    opened.close()
