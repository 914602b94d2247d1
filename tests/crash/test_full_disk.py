"""The disk is full while several clients send: they are asked to come again, and what was acknowledged is there."""

from __future__ import annotations

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.store import create_source
from core.workspaces.workspace import open_workspace
from tests.serving import Server
from tests.tracking import basic

CLIENTS, REQUESTS = 4, 60
ROOM_BYTES = 3_000_000


def send_until_refused(number: int, port: int, key: str) -> tuple[list[str], list[tuple[int, str | None]]]:
    """Send events of 20 KB; return the ids that were acknowledged, and status and Retry-After of every other answer."""
    acknowledged, others = [], []
    for place in range(REQUESTS):
        message_id = f"{number}-{place}"
        message = {"type": "track", "event": "e", "userId": "u", "messageId": message_id}
        message |= {"properties": {"x": "a" * 20_000}}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/v1/track", orjson.dumps(message), {"Authorization": basic(key)})
        answer = connection.getresponse()
        if answer.status == 200:
            acknowledged.append(message_id)
        else:
            others.append((answer.status, answer.getheader("Retry-After")))
        connection.close()
    return acknowledged, others


@pytest.mark.crash
def test_no_event_is_acknowledged_that_the_disk_had_no_room_for(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the full disk: both refuse the write."""
    workspace = open_workspace(str(tmp_path / "home"))
    key = str(create_source(workspace, kind="http", name="Shop").write_key)
    server = Server(tmp_path / "home", max_file_bytes=ROOM_BYTES)
    server.wait_until_ready()
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(lambda number: send_until_refused(number, server.port, key), range(CLIENTS)))
    acknowledged = [message_id for ids, _others in found for message_id in ids]
    others = [other for _ids, all_others in found for other in all_others]
    assert len(acknowledged) > 20
    assert others
    assert {status for status, _retry_after in others} == {503}
    assert all(retry_after is not None and int(retry_after) > 0 for _status, retry_after in others)
    server.kill()
    stored = Counter(event.message_id for event in open_event_log(workspace).read(0, 10_000))
    assert set(acknowledged) <= set(stored)
    assert max(stored.values()) == 1
    again = Server(tmp_path / "home")  # with room
    again.wait_until_ready()
    ids, others = send_until_refused(9, again.port, key)
    assert (len(ids), others) == (REQUESTS, [])
    again.stop()
    open_event_log(workspace).close()
    workspace.close()
