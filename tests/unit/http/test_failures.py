"""What a sender is told when the disk is full, too much arrives, or the store is away: never that it was taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.events.committer import Committer
from core.events.event_log import EventLog, LogEntry
from core.events.refused import Refusal
from core.http import body as body_module
from tests.tracking import Answer, Receiver, basic, send_async

TRACK = {"type": "track", "event": "e", "userId": "u"}


def test_on_a_full_disk_senders_are_asked_to_come_again_and_then_taken(receiver: Receiver) -> None:
    assert receiver.batch({**TRACK, "messageId": "before"}).status == 200
    with receiver.log.borrow() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
    large = {**TRACK, "messageId": "large", "properties": {"x": "a" * 30_000}}
    for body in ([large], [{"type": "track", "properties": {"x": "a" * 30_000}}]):
        answer = receiver.post("/v1/batch", {"batch": body}, origin="https://shop.example")
        assert (answer.status, answer.json()["code"]) == (503, "storage_full")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert [event.message_id for event in receiver.accepted()] == ["before"]
    with receiver.log.borrow() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
    assert receiver.batch(large).status == 200
    assert [event.message_id for event in receiver.accepted()] == ["before", "large"]


class ShutLog(EventLog):
    """A real log whose writes wait until it is opened."""

    opened = threading.Event()

    def append(self, entries: Sequence[LogEntry], refusals: Sequence[Refusal] = ()) -> list[int]:
        assert self.opened.wait(60)
        return super().append(entries, refusals)


def test_when_too_much_waits_the_answer_is_429_with_a_time_and_what_waited_is_taken(
    receiver: Receiver, tmp_path: Path
) -> None:
    log = ShutLog(tmp_path / "shut.db")
    committer = receiver.process.ingest.committer = Committer(log, max_waiting_events=10)
    headers = {"authorization": basic(receiver.key)}

    async def post(number: int) -> Answer:
        batch = {"batch": [{**TRACK, "messageId": f"{number}-{n}"} for n in range(5)]}
        return await send_async(receiver.app, "POST", "/v1/batch", [orjson.dumps(batch)], headers)

    async def run() -> list[Answer]:
        sends = [asyncio.create_task(post(number)) for number in range(10)]
        while sum(task.done() for task in sends) < 8:
            await asyncio.sleep(0)
        log.opened.set()
        return await asyncio.gather(*sends)

    answers = asyncio.run(run())
    committer.stop()
    assert sorted(answer.status for answer in answers) == [200] * 2 + [429] * 8
    for answer in answers:
        if answer.status == 429:
            assert answer.json()["code"] == "overloaded"
            assert answer.headers["retry-after"] == answer.headers["x-ratelimit-reset"]
            assert int(answer.headers["retry-after"]) > 0
    assert log.last_offset() == 10
    log.close()


def test_a_store_that_goes_away_does_not_stop_senders_with_a_known_key(receiver: Receiver) -> None:
    assert receiver.batch(TRACK).status == 200
    receiver.process.workspace.close()
    receiver.process.workspace.home.workspace_db.write_bytes(b"no database at all" * 100)
    receiver.process.ingest._keys._read_at = 0.0  # a second passes
    assert receiver.batch(TRACK).status == 200
    answer = receiver.batch(TRACK, key="perhaps made on another machine")
    assert (answer.status, answer.json()["code"]) == (503, "store_unreadable")
    assert "retry-after" in answer.headers


def test_a_fault_of_ours_is_500_with_a_number_and_a_time_to_come_again(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(EventLog):
        def append(self, entries: Sequence[LogEntry], refusals: Sequence[Refusal] = ()) -> list[int]:
            raise ValueError("a bug of ours")

    committer = receiver.process.ingest.committer = Committer(Broken(receiver.log.path))
    answer = receiver.batch(TRACK)
    committer.stop()
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert "inc_" in answer.json()["message"] and "bug" not in answer.json()["message"]
    assert "retry-after" in answer.headers
    assert "a bug of ours" in caplog.text and receiver.key not in caplog.text


def test_bodies_that_come_in_part_have_a_bound_together_and_give_their_room_back(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "MAX_UNFINISHED_BYTES", 1_000_000)
    headers = {"authorization": basic(receiver.key)}
    chunks = [b'{"batch": [', b" " * 600_000, b"]}"]

    async def run() -> list[int]:
        half_sent, released = asyncio.Event(), asyncio.Event()
        messages = iter(chunks)

        async def receive() -> Any:
            if (chunk := next(messages)) == chunks[2]:
                half_sent.set()
                await released.wait()
            return {"type": "http.request", "body": chunk, "more_body": chunk != chunks[2]}

        reading = asyncio.create_task(body_module.read_body(receive, 5_000_000))
        await half_sent.wait()
        beside = (await send_async(receiver.app, "POST", "/v1/batch", chunks, headers)).status
        released.set()
        assert await reading == b"".join(chunks)
        return [beside, (await send_async(receiver.app, "POST", "/v1/batch", chunks, headers)).status]

    assert asyncio.run(run()) == [429, 200]
