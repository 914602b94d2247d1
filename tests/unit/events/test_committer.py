"""Requests that wait together are written together; none is told "written" before it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import Overloaded, StorageFull
from core.events.committer import Committer
from core.events.event_log import EventLog, LogEntry
from core.events.refused import Refusal, search_refused

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def entry(message_id: str) -> LogEntry:
    return LogEntry("src", message_id, "track", "e", "u", NOW, b"{}")


REFUSAL = Refusal("src", "event_not_defined", "No.", None, None, None, None, NOW, b"{}")


class GatedLog(EventLog):
    """A real log whose writes wait for a gate, and which notes how many events each write had."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.writes: list[int] = []
        self.refuse: Callable[[Sequence[LogEntry]], Exception | None] = lambda _entries: None

    def append(self, entries: Sequence[LogEntry], refusals: Sequence[Refusal] = ()) -> list[int]:
        self.entered.set()
        assert self.gate.wait(60)
        self.writes.append(len(entries) + len(refusals))
        problem = self.refuse(entries)
        if problem is not None:
            raise problem
        return super().append(entries, refusals)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[GatedLog]:
    opened = GatedLog(tmp_path / "events.db")
    yield opened
    opened.close()


@pytest.fixture
def committer(log: GatedLog) -> Iterator[Committer]:
    made = Committer(log, max_waiting_events=100, max_waiting_bytes=1_000)
    yield made
    log.gate.set()
    made.stop()


async def submit_one_and_let_it_in(committer: Committer, log: GatedLog) -> asyncio.Future[None]:
    first = committer.submit([entry("first")], (), 2)
    await asyncio.to_thread(log.entered.wait, 60)
    return first


def test_what_comes_while_a_write_is_under_way_is_written_together(log: GatedLog, committer: Committer) -> None:
    async def run() -> None:
        first = await submit_one_and_let_it_in(committer, log)
        waiting = [committer.submit([entry(f"m-{n}")], [REFUSAL], 4) for n in range(20)]
        assert committer.waiting_events == 41
        assert not first.done()
        assert log.last_offset() == 0
        log.gate.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(run())
    assert log.writes == [1, 40]
    assert log.last_offset() == 21
    assert len(search_refused(log)) == 20
    assert committer.waiting_events == 0


def test_beyond_the_bound_a_sender_is_asked_to_come_again_and_nothing_of_it_is_taken(
    log: GatedLog, committer: Committer
) -> None:
    async def run() -> None:
        first = await submit_one_and_let_it_in(committer, log)
        many = committer.submit([entry(f"m-{n}") for n in range(99)], (), 2)
        with pytest.raises(Overloaded) as refused:
            committer.submit([entry("one too many")], (), 2)
        assert refused.value.retry_after_s > 0
        log.gate.set()
        await asyncio.gather(first, many)
        await committer.submit([entry("again")], (), 2)

    asyncio.run(run())
    assert log.last_offset() == 101


def test_the_bound_counts_bytes_too_and_lets_one_large_request_in(log: GatedLog, committer: Committer) -> None:
    async def run() -> None:
        log.gate.set()
        await committer.submit([entry("large")], (), 5_000)
        log.gate.clear()
        log.entered.clear()
        first = await submit_one_and_let_it_in(committer, log)
        with pytest.raises(Overloaded):
            committer.submit([entry("too large beside it")], (), 999)
        log.gate.set()
        await first

    asyncio.run(run())


def test_a_full_disk_is_told_to_all_that_wait_and_later_requests_are_taken(log: GatedLog, committer: Committer) -> None:
    async def run() -> None:
        log.gate.set()
        log.refuse = lambda _entries: StorageFull("Full.")
        results = await asyncio.gather(
            *[committer.submit([entry(f"m-{n}")], (), 2) for n in range(3)], return_exceptions=True
        )
        assert [type(result) for result in results] == [StorageFull] * 3
        log.refuse = lambda _entries: None
        await committer.submit([entry("later")], (), 2)

    asyncio.run(run())
    assert [event.message_id for event in log.read(0, 10)] == ["later"]
    assert committer.waiting_events == 0


def test_one_requests_failure_is_not_that_of_others(log: GatedLog, committer: Committer) -> None:
    def refuse(entries: Sequence[LogEntry]) -> Exception | None:
        return ValueError("not storable") if any(each.message_id == "bad" for each in entries) else None

    async def run() -> None:
        first = await submit_one_and_let_it_in(committer, log)
        log.refuse = refuse
        futures = [committer.submit([entry(name)], (), 2) for name in ("a", "bad", "b")]
        log.gate.set()
        results = await asyncio.gather(first, *futures, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), type(None), ValueError, type(None)]

    asyncio.run(run())
    assert [event.message_id for event in log.read(0, 10)] == ["first", "a", "b"]


def test_a_sender_that_went_away_does_not_keep_others_from_their_answer(log: GatedLog, committer: Committer) -> None:
    async def run() -> None:
        first = await submit_one_and_let_it_in(committer, log)
        gone, there = (committer.submit([entry(name)], (), 2) for name in ("gone", "there"))
        gone.cancel()
        log.gate.set()
        await asyncio.gather(first, there)

    asyncio.run(run())
    assert [event.message_id for event in log.read(0, 10)] == ["first", "gone", "there"]


def test_stopping_writes_what_waits_and_a_later_request_starts_anew(log: GatedLog, committer: Committer) -> None:
    async def run() -> None:
        first = await submit_one_and_let_it_in(committer, log)
        waiting = committer.submit([entry("waits")], (), 2)
        log.gate.set()
        await asyncio.to_thread(committer.stop)
        await asyncio.gather(first, waiting)
        committer.stop()
        await committer.submit([entry("anew")], (), 2)

    asyncio.run(run())
    assert [event.message_id for event in log.read(0, 10)] == ["first", "waits", "anew"]


def test_each_write_is_reported_after_it(log: GatedLog) -> None:
    reports: list[tuple[int, int, int]] = []
    log.gate.set()
    committer = Committer(
        log,
        on_commit=lambda entries, refusals, seconds, waiting: reports.append((len(entries), len(refusals), waiting)),
    )

    async def run() -> None:
        await committer.submit([entry("a"), entry("b")], [REFUSAL], 6)

    asyncio.run(run())
    committer.stop()
    assert reports == [(2, 1, 0)]
