"""kill -9 of the ingest, fifteen times in all, while clients send: what was acknowledged is in the log, once."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest

from core.events.event_log import open_event_log
from core.sources.store import create_source
from core.workspaces.workspace import open_workspace
from tests.serving import Server
from tests.tracking import basic

KILLS = {1: 10, 2: 5}  # by the number of processes: one that is replaced imports everything anew
CLIENTS = 4


class Client(threading.Thread):
    """Sends batches without a pause; one that has no answer is sent again with the same ids, as the libraries do."""

    def __init__(self, number: int, port: int, key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._number, self._port, self._key = number, port, key
        self._chance = random.Random(seed + number)
        self.acknowledged: list[str] = []
        self.ending = threading.Event()

    def run(self) -> None:
        sent = 0
        while not self.ending.is_set():
            ids = [f"{self._number}-{sent + n}" for n in range(self._chance.choice([1, 1, 20]))]
            sent += len(ids)
            while not self._send(ids) and not self.ending.is_set():
                pass

    def _send(self, ids: list[str]) -> bool:
        batch = [{"type": "track", "event": "e", "userId": "u", "messageId": each} for each in ids]
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/v1/batch", orjson.dumps({"batch": batch}), {"Authorization": basic(self._key)})
            is_taken = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)  # nobody is there
            return False
        finally:
            connection.close()
        if is_taken:
            self.acknowledged += ids
        return is_taken


@pytest.mark.crash
@pytest.mark.timeout(400)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_acknowledged_before_a_kill_is_in_the_log_exactly_once(tmp_path: Path, workers: int) -> None:
    """With one process the whole server is killed and started again; with two, one of them, which is replaced."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    workspace = open_workspace(str(tmp_path / "home"))
    key = str(create_source(workspace, kind="http", name="Shop").write_key)
    server = Server(tmp_path / "home", workers=workers)
    server.wait_until_ready()
    clients = [Client(number, server.port, key, seed) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        server = _kill_and_start_anew(server, tmp_path / "home", clients, chance, workers)
    finally:
        for client in clients:
            client.ending.set()
        for client in clients:
            client.join(60)
        server.kill()
    found = Counter(event.message_id for event in open_event_log(workspace).read(0, 10_000_000))
    acknowledged = [each for client in clients for each in client.acknowledged]
    assert len(acknowledged) > 10 * KILLS[workers]
    assert [each for each in acknowledged if each not in found] == []
    assert [each for each, times in found.items() if times != 1] == []
    open_event_log(workspace).close()
    workspace.close()


def _kill_and_start_anew(
    server: Server, home: Path, clients: list[Client], chance: random.Random, workers: int
) -> Server:
    for _ in range(KILLS[workers]):
        _wait_for_acknowledgements(clients, chance.randrange(40))
        time.sleep(chance.uniform(0.0, 0.05))  # anywhere inside a commit; nothing is asserted about it
        if workers == 1:
            server.kill()
            server = Server(home, port=server.port)
            server.wait_until_ready()
        else:
            chance.choice(server.list_children()).kill()
    _wait_for_acknowledgements(clients, 40)
    return server


def _wait_for_acknowledgements(clients: list[Client], more: int) -> None:
    wanted = sum(len(client.acknowledged) for client in clients) + more
    deadline = time.monotonic() + 60
    while sum(len(client.acknowledged) for client in clients) < wanted:
        assert time.monotonic() < deadline, "the server takes nothing any more"
        time.sleep(0.005)
