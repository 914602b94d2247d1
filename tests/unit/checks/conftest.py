"""A fresh workspace for each test, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "home"), clock=FixedClock(datetime(2026, 11, 24, 9, tzinfo=UTC)))
    yield opened
    opened.close()


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A workspace whose guided setup is complete up to step 4."""
    guided.add_identifiers_and_traits(workspace)
    return workspace
