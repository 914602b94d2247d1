"""The OpenAPI document is true: schemathesis finds no answer that it does not describe (spec/profiles.md 5)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import orjson
import pytest

from core.http.profile_question import PARTS
from core.http.tracking import CALLS
from core.sources.store import create_source
from core.workspaces.profile_api import set_api_settings
from core.workspaces.profile_tokens import create_token
from core.workspaces.spaces import ensure_space
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
    options = ["--max-examples", "1", "--phases", "examples,coverage,fuzzing" if signed else "fuzzing"]
    _fuzz(tmp_path, [*options, "--exclude-path-regex", "^/v1/spaces/"], key if signed else None, len(CALLS))


@pytest.mark.xdist_group("client libraries")
def test_schemathesis_finds_the_profile_api_as_the_document_describes_it(tmp_path: Path) -> None:
    if not LIBRARY.exists():
        pytest.skip("NO SCHEMATHESIS: run tests/clients/build.py (`make test` does) to fuzz the Profile API")
    workspace = open_workspace(str(tmp_path / "home"))
    space = ensure_space(workspace)
    set_api_settings(workspace, space.id, requests_per_s=100_000)
    token = create_token(workspace, space.id, "Fuzzer", may_delete=True).text
    workspace.close()
    options = ["--max-examples", "1", "--phases", "fuzzing", "--include-path-regex", "^/v1/spaces/"]
    _fuzz(tmp_path, options, token, sum(map(len, PARTS.values())) + 2)


def _fuzz(folder: Path, options: list[str], user: str | None, operations: int) -> None:
    with run_server(folder / "home") as server:
        command = [sys.executable, "-c", RUN, "run", f"{server.url}/openapi.json", "--checks", CHECKS]
        command += ["--generation-database", "none", "--no-color", *options]
        command += ["--auth", f"{user}:"] if user else []
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(LIBRARY)},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"Tested: {operations}" in done.stdout
        passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert passed is not None and passed[1] == passed[2] != "0"


def test_the_document_names_every_path_and_is_for_this_machine_only(tmp_path: Path) -> None:
    with run_server(tmp_path / "home") as server, urllib.request.urlopen(f"{server.url}/openapi.json") as answer:  # noqa: S310
        document = orjson.loads(answer.read())
    profiles = {path for path in document["paths"] if path.startswith("/v1/spaces/")}
    assert set(document["paths"]) - profiles == set(CALLS)
    assert {path.rsplit("/", 1)[1] for path in profiles} == {
        "flex-links",
        "delete",
        *(part for parts in PARTS.values() for part in parts),
    }
