"""A home folder for each test, and a shell that runs commands on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.cli.main import main
from core.workspaces.workspace import Workspace, open_workspace
from tests.new_home import new_home


class Shell:
    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._home, self._capsys = str(home), capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Run a command and return exit status, standard output and standard error."""
        self._capsys.readouterr()
        try:
            status = main([*words, "--home", self._home])
        except SystemExit as ended:
            status = int(str(ended.code))
        return (status, *self._capsys.readouterr())

    def json(self, *words: str) -> Any:
        """Run a command that must be done, and return its one JSON document."""
        status, out, _ = self(*words, "--json")
        assert status in (0, 1)
        return orjson.loads(out)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def shell(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(workspace.home.root, capsys)
