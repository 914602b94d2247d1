"""The OpenAPI document is true: schemathesis finds no answer that it does not describe (spec/profiles.md 5)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from core.clock import to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.http.profile_question import PARTS
from core.http.tracking import CALLS
from core.profiles.group_calls import follow_group_calls
from core.sources.store import create_source
from core.workspaces.profile_api import set_api_settings
from core.workspaces.profile_tokens import create_token
from core.workspaces.workspace import Workspace, open_workspace
from tests.clients.places import CLIENTS
from tests.feeding import SOURCE, Feed
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
    options = ["--phases", "coverage,fuzzing" if signed else "fuzzing", "--exclude-path-regex", "^/v1/spaces/"]
    # one that takes many events covers what the event of any other may be
    only = '[[operations]]\nexclude-path-regex = "^/v1/(batch|m)$"\nphases.coverage.enabled = false\n'
    (tmp_path / "schemathesis.toml").write_text(only)
    tried = _fuzz(tmp_path, options, key if signed else None, len(CALLS))
    assert tried > (100 if signed else 0)


@pytest.mark.xdist_group("client libraries")
def test_schemathesis_finds_the_profile_api_as_the_document_describes_it(tmp_path: Path) -> None:
    if not LIBRARY.exists():
        pytest.skip("NO SCHEMATHESIS: run tests/clients/build.py (`make test` does) to fuzz the Profile API")
    workspace = open_workspace(str(tmp_path / "home"))
    space_id = _add_people(workspace)
    set_api_settings(workspace, space_id, requests_per_s=100_000)
    token = create_token(workspace, space_id, "Fuzzer", may_delete=True).text
    workspace.close()
    (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.space_id" = "{space_id}"\n')
    options = ["--phases", "examples,fuzzing", "--include-path-regex", "^/v1/spaces/", "--report-har-path", "all.har"]
    parts = [f"{collection}/{part}" for collection, names in PARTS.items() for part in names]
    _fuzz(tmp_path, options, token, len(parts) + 2)
    answered = set()
    for entry in orjson.loads((tmp_path / "all.har").read_bytes())["log"]["entries"]:
        path = urlsplit(entry["request"]["url"]).path.split("/")
        if entry["response"]["status"] in (200, 201):
            answered.add(f"{path[5]}/{path[-1]}" if "collections" in path else path[-1])
    assert answered == {*parts, "users/delete", "flex-links"}


def _add_people(workspace: Workspace) -> str:
    """Make a space with the person and the account that the document's examples name, and return its id."""
    feed = Feed(workspace)
    about = {"userId": "1001", "timestamp": to_iso(workspace.now())}
    calls = [
        {"type": "identify", "traits": {"email": "ada@example.org", "plan": "gold", "tags": ["a", None]}},
        {"type": "group", "groupId": "acme", "traits": {"seats": 5}},
        {"type": "track", "event": "Order Completed", "properties": {"total": 20}, "context": {"locale": "en"}},
        {"type": "track"},
    ]
    open_event_log(workspace).append(
        [
            to_log_entry(SOURCE, {**about, **call, "messageId": f"m-{at}"}, workspace.now())
            for at, call in enumerate(calls)
        ]
    )
    feed.build()
    assert follow_group_calls(workspace, feed.space_id) == 1
    return feed.space_id


def _fuzz(folder: Path, options: list[str], user: str | None, operations: int) -> int:
    """Have schemathesis try the operations, and return how many requests it made."""
    with run_server(folder / "home") as server:
        command = [sys.executable, "-c", RUN, "run", f"{server.url}/openapi.json", "--checks", CHECKS]
        command += ["--generation-database", "none", "--no-color", "--max-examples", "1", *options]
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
        return int(passed[1])


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
