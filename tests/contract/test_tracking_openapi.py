"""The OpenAPI document of the tracking surface is true: schemathesis finds no answer that it does not describe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import orjson
import pytest

from core.http.tracking import CALLS
from core.sources.store import create_source
from core.workspaces.workspace import open_workspace
from tests.clients.places import CLIENTS
from tests.serving import run_server

LIBRARY = CLIENTS / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
RUN = "from schemathesis.cli import schemathesis; schemathesis()"


@pytest.mark.xdist_group("client libraries")
@pytest.mark.parametrize("signed", [True, False], ids=["with a key", "without a key"])
def test_schemathesis_finds_no_answer_that_the_document_does_not_describe(tmp_path: Path, signed: bool) -> None:
    if not LIBRARY.exists():
        pytest.skip("NO SCHEMATHESIS: run tests/clients/build.py (`make test` does) to fuzz the tracking surface")
    workspace = open_workspace(str(tmp_path / "home"))
    key = create_source(workspace, kind="http", name="Shop").write_key
    workspace.close()
    with run_server(tmp_path / "home") as server:
        command = [sys.executable, "-c", RUN, "run", f"{server.url}/openapi.json", "--checks", CHECKS]
        command += ["--max-examples", "10" if signed else "3", "--generation-database", "none", "--no-color"]
        command += ["--auth", f"{key}:"] if signed else ["--phases", "fuzzing"]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(LIBRARY)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"Tested: {len(CALLS)}" in done.stdout
        passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert passed is not None and passed[1] == passed[2] != "0"


def test_the_document_names_every_path_and_is_for_this_machine_only(tmp_path: Path) -> None:
    with run_server(tmp_path / "home") as server, urllib.request.urlopen(f"{server.url}/openapi.json") as answer:  # noqa: S310
        document = orjson.loads(answer.read())
    assert set(document["paths"]) == set(CALLS)
