"""Every server library sends to us unmodified: each call arrives once, with its ids and times (spec/clients.md 1)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from core.events.event_log import open_event_log
from core.events.message import parse_time
from core.events.refused import search_refused
from core.sources.store import create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.clients.places import CLIENTS, find_node
from tests.serving import ROOT, Server, run_server

PROGRAMS = ROOT / "tests" / "clients" / "programs"
LIBRARIES = ("python_segment", "python_legacy", "python_rudder", "node_segment", "node_legacy", "node_rudder")
WITHOUT_PACKING = ("node_segment", "node_legacy")
AT = datetime(2026, 11, 20, 8, 0, 0, 250_000, tzinfo=UTC)

pytestmark = pytest.mark.xdist_group("client libraries")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    if not (CLIENTS / ".made").exists():
        pytest.skip("NO CLIENT LIBRARIES: run tests/clients/build.py (`make test` does) to test them")
    home = tmp_path_factory.mktemp("clients") / "home"
    workspace = open_workspace(str(home))
    with run_server(home, workers=2) as server:
        yield workspace, server
    open_event_log(workspace).close()
    workspace.close()


def run_program(name: str, *arguments: str, must_succeed: bool = True) -> None:
    environment = dict(os.environ)
    if name.startswith("python"):
        environment["PYTHONPATH"] = str(CLIENTS / name.removeprefix("python_"))
        command = [sys.executable, str(PROGRAMS / f"{name}.py")]
    else:
        environment["NODE_PATH"] = str(CLIENTS / "node" / "node_modules")
        command = [find_node(), str(PROGRAMS / f"{name}.cjs")]
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 or not must_succeed, done.stderr


@pytest.mark.parametrize("packing", ["plain", "gzip"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_each_call_of_each_library_arrives_once(served: tuple[Workspace, Server], library: str, packing: str) -> None:
    if packing == "gzip" and library in WITHOUT_PACKING:
        packing = "plain"  # it has no such option; the second run shows that its ids differ
    workspace, server = served
    source = create_source(workspace, kind="http", name=f"{library} {packing} {datetime.now(UTC).timestamp()}")
    started_at = datetime.now(UTC)
    run_program(library, server.url, str(source.write_key), packing)
    log = open_event_log(workspace)
    assert search_refused(log, source_id=source.id) == []
    events = [event for event in log.read(0, 10_000) if event.source_id == source.id]
    messages: dict[tuple[str, str | None], dict[str, Any]] = {
        (event.type, event.name): orjson.loads(event.body) for event in events
    }
    assert sorted(event.type for event in events) == sorted(
        ["identify", "track", "track", "page", "screen", "group", "alias"]
    )
    assert len({event.message_id for event in events}) == 7
    check_ids(messages)
    check_times(messages, started_at)
    assert all("writeKey" not in message for message in messages.values())


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_library_sends_again_what_was_refused_for_its_key(served: tuple[Workspace, Server], library: str) -> None:
    """An answer without code and message made two of them repeat a 401 until they gave up (spec/clients.md 0.2)."""
    workspace, server = served
    log = open_event_log(workspace)
    seen = max((event.number for event in search_refused(log, source_id="", limit=1)), default=0)
    run_program(library, server.url, "no source has this key", "plain", must_succeed=False)
    refused = [event for event in search_refused(log, source_id="") if event.number > seen]
    assert {event.code for event in refused} == {"unknown_source"}
    assert len(refused) == len({event.message_id for event in refused})  # one of them ends after its first failure


def check_ids(messages: dict[tuple[str, str | None], dict[str, Any]]) -> None:
    identify = messages["identify", None]
    traits = identify.get("traits") or identify["context"]["traits"]
    assert (identify["userId"], traits["email"]) == ("u-1", "ada@example.org")
    assert traits.get("score") is None  # NaN, where the library can send it
    assert parse_time(traits["since"]) == AT
    ordered = messages["track", "Order Completed"]
    assert (ordered["userId"], ordered["properties"]) == ("u-1", {"total": 42.5, "text": "Zoë 🙂"})
    page = messages["page", "Home"]
    assert (page["category"], page["properties"]["url"]) == ("Docs", "https://shop.example/")
    assert messages["screen", "Home"]["category"] == "App"
    assert (messages["group", None]["groupId"], messages["group", None]["userId"]) == ("g-1", "u-1")
    assert (messages["alias", None]["previousId"], messages["alias", None]["userId"]) == ("anon-1", "u-1")
    visited = messages["track", "Visited"]
    assert (visited["anonymousId"], visited.get("userId") or None) == ("anon-1", None)


def check_times(messages: dict[tuple[str, str | None], dict[str, Any]], started_at: datetime) -> None:
    minute = timedelta(minutes=1)
    for message in messages.values():
        assert "onrampFlags" not in message
        received_at, happened_at = parse_time(message["receivedAt"]), parse_time(message["timestamp"])
        assert received_at is not None and happened_at is not None
        assert started_at - minute <= received_at <= datetime.now(UTC) + minute
        if message.get("event") == "Order Completed":
            assert parse_time(message["originalTimestamp"]) == AT
            assert AT <= happened_at <= AT + minute  # moved by what the request took
        else:
            assert started_at - minute <= happened_at <= received_at
