"""Several processes on one port: counted together, replaced when one ends, and gone with their parent."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest

from core.cli.main import main
from core.errors import InvalidField
from core.events.event_log import open_event_log
from core.http.serve import listen, share
from core.sources.store import create_source
from core.workspaces.workspace import open_workspace
from tests.serving import Server, run_server
from tests.tracking import basic

pytestmark = pytest.mark.xdist_group("serving")


@pytest.fixture
def key(tmp_path: Path) -> Iterator[str]:
    workspace = open_workspace(str(tmp_path / "home"))
    yield str(create_source(workspace, kind="http", name="Shop").write_key)
    open_event_log(workspace).close()
    workspace.close()


def post(server: Server, key: str, message_id: str) -> None:
    body = orjson.dumps({"type": "track", "event": "e", "userId": "u", "messageId": message_id})
    request = urllib.request.Request(f"{server.url}/v1/track", body, {"Authorization": basic(key)})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
        assert answer.read() == b'{"success":true}'


def read_metrics(server: Server) -> dict[str, float]:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:  # noqa: S310
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_share_the_port_and_their_counts_and_one_that_is_killed_is_replaced(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end their parent is killed: they end too, and the next server removes what it left behind."""
    folders = tmp_path / "tmp"
    folders.mkdir()
    monkeypatch.setenv("TMPDIR", str(folders))
    with run_server(tmp_path / "home", workers=2) as server:
        until(lambda: len(server.list_children()) == 2)
        for number in range(40):  # each on a connection of its own, so that both get some
            post(server, key, str(number))
        found = read_metrics(server)
        assert found['onramp_requests_total{status="200"}'] == 40
        assert found["onramp_events_taken_total"] == found["onramp_log_offset"] == 40
        assert found["onramp_commit_events_sum"] == 40
        assert found["onramp_events_waiting"] == 0
        assert key not in str(found)
        first = server.list_children()[0]
        first.kill()
        until(lambda: len(server.list_children()) == 2 and first not in server.list_children())
        server.wait_until_ready()
        post(server, key, "after")
        assert read_metrics(server)["onramp_events_taken_total"] == 41
        children = server.list_children()
        server.kill()
        gone, alive = psutil.wait_procs(children, timeout=60)
        assert (len(gone), alive) == (2, [])
    assert "ended with -9 and is replaced" in (tmp_path / "home" / "logs" / "onramp.log").read_text()
    assert len(list(folders.glob("onramp-metrics-*"))) == 1
    with run_server(tmp_path / "home", workers=2) as server:
        assert len(list(folders.glob("onramp-metrics-*"))) == 1
        assert server.stop() == 0
    assert list(folders.glob("onramp-metrics-*")) == []


def test_small_answers_are_sent_at_once(tmp_path: Path) -> None:
    """A socket that does not say that it is TCP keeps asyncio from setting TCP_NODELAY: 44 ms an answer were seen."""
    with listen("127.0.0.1", 0) as listener, share("127.0.0.1", listener.getsockname()[1]) as second:
        assert listener.proto == second.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_another_program_uses_is_told(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as taken,
        pytest.raises(InvalidField, match="another program uses it"),
    ):
        listen(host, taken.getsockname()[1])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "10.255.255.1"], "no such address or port"),
        (["--host", "10.255.255.1", "--workers", "2"], "no such address or port"),
        (["--port", "99999"], "no such address or port"),
        (["--workers", "0"], "cannot serve"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(
    tmp_path: Path, options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--home", str(tmp_path / "home"), *options]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_setting_that_cannot_be_used_is_said_before_anything_is_served(
    tmp_path: Path, workers: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONRAMP_LIMITS", "generous")
    assert main(["serve", "--home", str(tmp_path / "home"), "--port", "0", "--workers", workers]) == 1
    said = capsys.readouterr().err
    assert "ONRAMP_LIMITS cannot be 'generous'.\nUse strict, or leave it out." in said
    assert "Serving" not in said
