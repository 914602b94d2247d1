"""Until there is a login only this machine is served, and only by a name that means it (decision 0005)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Scope

from core.http.boundary import is_local
from core.http.process import Process
from core.http.serve import make_app


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    monkeypatch.setenv("ONRAMP_WORKER", "off")
    opened = Process(str(tmp_path / "home"))
    yield opened
    opened.workspace.close()


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    def json(self) -> Any:
        return orjson.loads(self.text)


def call(app: ASGIApp, scope: Scope) -> list[Message]:
    """Send one request straight into the application and return all that it sends back."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect" if scope["type"] == "websocket" else "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent


def ask(
    process: Process,
    path: str,
    *,
    client: str = "127.0.0.1",
    host: str = "localhost",
    method: str = "GET",
    **headers: str,
) -> Answer:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    request = {**scope(client, host), "headers": pairs, "method": method, "path": path, "query_string": b""}
    start, *bodies = call(make_app(process), request)
    return Answer(start["status"], b"".join(body["body"] for body in bodies).decode())


def scope(client: str | None, host: str) -> Scope:
    headers = [(b"host", host.encode("latin-1"))] if host else []
    return {"type": "http", "client": (client, 1) if client else None, "headers": headers}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8501", "LOCALHOST:8501", "127.0.0.1", "127.0.0.1:8501", "[::1]:8501", "[::1]"]
)
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "127.8.8.8"])
def test_this_machine_is_served_by_the_names_that_mean_it(client: str, host: str) -> None:
    assert is_local(scope(client, host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.5:8501",
        "0.0.0.0",  # noqa: S104 - a name to refuse
        "[::2]:80",
        "localhost@evil.example",
        "",
        ":8501",
        "[",
        "localhost:8501:8501",
    ],
)
def test_a_name_that_means_another_machine_is_refused(process: Process, host: str) -> None:
    """DNS rebinding: the browser is here, but the page that asks is not ours."""
    assert not is_local(scope("127.0.0.1", host))


@pytest.mark.parametrize("client", ["10.0.0.5", "192.168.1.7", "8.8.8.8", "::2", "fe80::1", "testclient"])
def test_another_machine_is_refused_with_a_sentence_on_every_path(process: Process, client: str) -> None:
    for path in ("/healthz", "/v1/profiles", "/v1/batch/x", "/nothing"):
        refused = ask(process, path, client=client)
        assert refused.status == 403
        assert "only the machine it runs on" in refused.text


def test_a_forwarded_address_changes_nothing(process: Process) -> None:
    found = ask(process, "/healthz", client="10.0.0.5", x_forwarded_for="127.0.0.1", forwarded="for=127.0.0.1")
    assert found.status == 403


def test_a_name_that_was_allowed_is_served(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_ALLOWED_HOSTS", " onramp.example ,other.example")
    assert ask(process, "/healthz", host="Onramp.example:443").status == 200
    assert ask(process, "/healthz", host="evil.example").status == 403
    assert ask(process, "/healthz", host="onramp.example", client="10.0.0.5").status == 403


def test_a_websocket_from_elsewhere_is_closed(process: Process) -> None:
    request = {**scope("10.0.0.5", "localhost"), "type": "websocket", "path": "/_stcore/stream"}
    (closed,) = call(make_app(process), request)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4403)


def test_health_says_what_works_and_where_the_log_ends(process: Process) -> None:
    found = ask(process, "/healthz")
    assert found.status == 200
    assert found.json() == {"status": "ok", "store": "ok", "log_offset": 0, "worker": "off"}


def test_health_fails_without_a_secret_where_the_store_cannot_be_opened(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.write_text("a file in its place")
    found = ask(Process(str(place)), "/healthz")
    assert found.status == 503
    assert found.json() == {"status": "failing", "reason": "StoreUnreadable"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_path_with_nothing_behind_it_is_said_to_be_none(process: Process, method: str) -> None:
    found = ask(process, "/v1/nothing", method=method)
    assert found.status == 404
    assert found.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t/", "/v1/identify", "/beacon/v1/batch", "/v1/m"])
def test_the_tracking_surface_is_for_every_sender_and_host(process: Process, path: str) -> None:
    """Decision 0010: its guard is the write key."""
    assert ask(process, path, client="8.8.8.8", host="events.example", method="OPTIONS").status == 204


def test_health_fails_where_the_worker_has_stopped(tmp_path: Path) -> None:
    process = Process(str(tmp_path / "home"))
    process.start()
    assert ask(process, "/healthz").json()["worker"] == "ok"
    process.stop()
    found = ask(process, "/healthz")
    assert (found.status, found.json()["status"], found.json()["worker"]) == (503, "failing", "stopped")
    process.workspace.close()
