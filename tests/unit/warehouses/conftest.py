from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspaces.workspace import Workspace, open_workspace
from tests.emulators.ssh_server import SshServer


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def bastion() -> Iterator[SshServer]:
    """An SSH server that lets one user in."""
    server = SshServer()
    yield server
    server.stop()
