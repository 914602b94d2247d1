"""Pages and the tracking surface on one port, as `streamlit run app.py` serves them."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.store import create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.serving import run_pages
from tests.tracking import basic

TRACK = {"type": "track", "event": "e", "userId": "u"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path_factory.mktemp("one_port") / "home"))
    yield opened
    open_event_log(opened).close()
    opened.close()


@pytest.fixture(scope="module")
def port(workspace: Workspace) -> Iterator[int]:
    with run_pages(workspace.home.root) as (number, _process):
        yield number


def ask(port: int, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)  # the path as it is, not made right
        raw = b"" if body is None else orjson.dumps(body)
        for name, value in {**headers, "Content-Length": str(len(raw))}.items():
            connection.putheader(name, value)
        connection.endheaders(raw)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.xdist_group("one port")
def test_events_are_taken_beside_the_pages_from_any_host_name(workspace: Workspace, port: int) -> None:
    key = str(create_source(workspace, kind="http", name="Shop").write_key)
    for path, body in (("/v1/batch", {"batch": [TRACK]}), ("/v1/track/", TRACK), ("/v1/t", TRACK)):
        status, headers, answer = ask(
            port, "POST", path, body, Host="events.example", Origin="https://shop.example", Authorization=basic(key)
        )
        assert (status, answer) == (200, b'{"success":true}')
        assert headers["access-control-allow-origin"] == "https://shop.example"
    assert open_event_log(workspace).last_offset() == 3
    assert ask(port, "OPTIONS", "/v1/batch", Origin="https://shop.example")[0] == 204


@pytest.mark.xdist_group("one port")
@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/metrics", "/healthz", "/openapi.json", "/v1/batch/x"])
def test_everything_else_is_only_for_names_that_mean_this_machine(port: int, path: str) -> None:
    assert ask(port, "GET", path, Host="events.example")[0] == 403
    assert ask(port, "GET", path)[0] == (404 if path == "/v1/batch/x" else 200)


@pytest.mark.xdist_group("one port")
@pytest.mark.parametrize("path", ["//v1/batch", "/v1//batch", "/v1/..%2fbatch", "/v1/../v1/batch", "/V1/batch"])
def test_a_path_that_is_nearly_one_of_ours_takes_nothing_and_redirects_nobody(
    workspace: Workspace, port: int, path: str
) -> None:
    before = open_event_log(workspace).last_offset()
    status, _headers, _answer = ask(port, "POST", path, {"batch": [TRACK]}, Authorization=basic("any"))
    assert status in (400, 401, 403, 404, 405)
    assert open_event_log(workspace).last_offset() == before
