"""The tracking surface over real sockets: chunks, large bodies, kept connections, requests that follow each other."""

from __future__ import annotations

import gzip
import http.client
import re
import socket
from collections.abc import Iterator

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.store import create_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.serving import Server, run_server
from tests.tracking import basic

pytestmark = pytest.mark.xdist_group("on the wire")
TRACK = {"type": "track", "event": "e", "userId": "u"}
Served = tuple[Workspace, Server, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("wire") / "home"
    workspace = open_workspace(str(home))
    key = str(create_source(workspace, kind="http", name="Shop").write_key)
    with run_server(home) as server:
        yield workspace, server, key
    open_event_log(workspace).close()
    workspace.close()


def test_a_kotlin_phone_sends_gzip_in_chunks_as_text_with_its_key_in_the_body(served: Served) -> None:
    """spec/clients.md 4: no Content-Length, no Authorization, text/plain."""
    workspace, server, key = served
    before = open_event_log(workspace).last_offset()
    packed = gzip.compress(orjson.dumps({"batch": [TRACK] * 50, "sentAt": "2026-11-25T12:00:00Z", "writeKey": key}))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    chunks = (packed[start : start + 50] for start in range(0, len(packed), 50))
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/v1/b", chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert open_event_log(workspace).last_offset() == before + 50


def test_java_posts_to_its_path_with_a_slash_and_is_not_redirected(served: Served) -> None:
    _workspace, server, key = served
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/v1/import/", orjson.dumps({"batch": [TRACK]}), {"Authorization": basic(key)})
    answer = connection.getresponse()
    assert (answer.status, orjson.loads(answer.read())) == (200, {"success": True})
    connection.close()


def test_one_connection_serves_many_requests_of_every_outcome(served: Served) -> None:
    _workspace, server, key = served
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.connect()
    used = connection.sock
    for body, signed_by, status in (
        (orjson.dumps({"batch": [TRACK]}), key, 200),
        (b"{", key, 400),
        (orjson.dumps({"batch": [TRACK]}), "unknown", 401),
        (orjson.dumps({"batch": []}), key, 200),
    ):
        connection.request("POST", "/v1/batch", body, {"Authorization": basic(signed_by)})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        assert connection.sock is used
    connection.close()


@pytest.mark.parametrize(("size", "status"), [(3_000_000, 200), (6_000_000, 400), (20_000_000, 400)])
def test_the_answer_to_a_large_body_can_be_read(served: Served, size: int, status: int) -> None:
    """A server that answers before it has read everything resets the connection, and the sender sees no answer."""
    _workspace, server, key = served
    event = {**TRACK, "properties": {"x": "a" * 30_000}}
    body = orjson.dumps({"batch": [event] * (size // 30_100)})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/v1/batch", body, {"Authorization": basic(key)})
    answer = connection.getresponse()
    assert answer.status == status
    assert orjson.loads(answer.read())["success"] is (status == 200)
    connection.close()


def test_requests_sent_at_once_are_answered_in_their_order(served: Served) -> None:
    _workspace, server, key = served

    def make(path: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(key)}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(make("/v1/track", orjson.dumps(TRACK)) + make("/v1/track", b"{") + make("/v1/m", b"{}"))
        received = b""
        while len(re.findall(rb"HTTP/1.1 (\d+)", received)) < 3:
            received += connection.recv(65_536)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"400", b"200"]


def test_a_sender_that_waits_for_leave_to_send_gets_it(served: Served) -> None:
    _workspace, server, key = served
    body = orjson.dumps(TRACK)
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(key)}\r\nExpect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        assert connection.recv(1_000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
