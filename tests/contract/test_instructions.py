"""The code that a person is shown works as it stands: it is run against a server, and its event arrives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.instructions import Instruction, write_instructions
from core.sources.store import Source, create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.clients.places import CLIENTS, find_node
from tests.serving import Server, run_server

pytestmark = pytest.mark.xdist_group("client libraries")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    home = tmp_path_factory.mktemp("instructions") / "home"
    workspace = open_workspace(str(home))
    with run_server(home) as server:
        yield workspace, server
    open_event_log(workspace).close()
    workspace.close()


@pytest.fixture
def source(served: tuple[Workspace, Server], request: pytest.FixtureRequest) -> Source:
    return create_source(served[0], kind="http", name=request.node.name[:100])


def get_step(source: Source, server: Server, language: str) -> Instruction:
    steps = write_instructions("http", str(source.write_key), server.url)
    return next(step for step in steps if step.language == language)


def run(*command: str, folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def check_arrival(workspace: Workspace, source: Source) -> None:
    (event,) = [each for each in open_event_log(workspace).read(0, 1_000) if each.source_id == source.id]
    message = orjson.loads(event.body)
    assert (message["event"], message["userId"], message["properties"]) == ("Order Paid", "u-1", {"total": 12.5})


def require_libraries() -> None:
    if not (CLIENTS / ".made").exists():
        pytest.skip("NO CLIENT LIBRARIES: run tests/clients/build.py (`make test` does) to test them")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")
def test_the_line_for_curl_sends_an_event(served: tuple[Workspace, Server], source: Source, tmp_path: Path) -> None:
    run("sh", "-ec", get_step(source, served[1], "shell").code + " --fail", folder=tmp_path)
    check_arrival(served[0], source)


def test_the_code_for_python_sends_an_event(served: tuple[Workspace, Server], source: Source, tmp_path: Path) -> None:
    require_libraries()
    code = get_step(source, served[1], "python").code
    run(sys.executable, "-c", code, folder=tmp_path, PYTHONPATH=str(CLIENTS / "segment"))
    check_arrival(served[0], source)


def test_the_code_for_node_sends_an_event(served: tuple[Workspace, Server], source: Source, tmp_path: Path) -> None:
    require_libraries()
    code = get_step(source, served[1], "javascript").code
    run(find_node(), "-e", code, folder=tmp_path, NODE_PATH=str(CLIENTS / "node" / "node_modules"))
    check_arrival(served[0], source)
