"""Group commit: requests that wait together become durable together, in one write of the event log.

A disk takes a few hundred commits a second and a hundred thousand events: so one thread takes all that is waiting,
writes it once, and answers all that waited. What waits is bounded; beyond it a sender is asked to come again.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from core.errors import CoreError, Overloaded, StorageFull
from core.events.event_log import EventLog, LogEntry
from core.events.refused import Refusal

MAX_WAITING_EVENTS = 50_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_EVENTS_A_COMMIT = 5_000
RETRY_AFTER_S = 2.0
_LOG = logging.getLogger("onramp.ingest")


OnCommit = Callable[[Sequence[LogEntry], Sequence[Refusal], float, int], None]
"""Called in the committer's thread after each commit and before its answers: what was written, in how many seconds, and
how many events still wait."""


class Waiter(NamedTuple):
    """The events of one request, and who waits for them."""

    entries: Sequence[LogEntry]
    refusals: Sequence[Refusal]
    size_bytes: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]

    @property
    def events(self) -> int:
        """How many events and refusals it holds."""
        return len(self.entries) + len(self.refusals)


class Committer:
    """Writes to one event log for the requests of one process. Its thread starts with the first request."""

    def __init__(
        self,
        log: EventLog,
        *,
        max_waiting_events: int = MAX_WAITING_EVENTS,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        on_commit: OnCommit | None = None,
    ) -> None:
        self._log = log
        self._on_commit = on_commit
        self._max_events = max_waiting_events
        self._max_bytes = max_waiting_bytes
        self._queue: queue.SimpleQueue[Waiter | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._events = 0
        self._bytes = 0
        self._thread: threading.Thread | None = None

    @property
    def waiting_events(self) -> int:
        """How many events wait to be written."""
        return self._events

    def submit(self, entries: Sequence[LogEntry], refusals: Sequence[Refusal], size_bytes: int) -> asyncio.Future[None]:
        """Return a future that is done when all of these, of `size_bytes` together, are on the disk, or none will be.

        Call it from an event loop. The future raises StorageFull, or whatever else kept the log from being written.

        Raises:
            Overloaded: Too much is waiting already; nothing of this was taken.
        """
        loop = asyncio.get_running_loop()
        waiter = Waiter(entries, refusals, size_bytes, loop, loop.create_future())
        with self._lock:
            events, bytes_ = self._events + waiter.events, self._bytes + size_bytes
            if self._events and (events > self._max_events or bytes_ > self._max_bytes):
                raise Overloaded(
                    "More events arrive than the disk takes.",
                    retry_after_s=RETRY_AFTER_S,
                    hint="Send them again after the time that the answer names.",
                )
            self._events, self._bytes = events, bytes_
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="onramp committer", daemon=True)
                self._thread.start()
        self._queue.put(waiter)
        return waiter.future

    def stop(self) -> None:
        """Write what is waiting, then end the thread. A later request starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            waiters, is_ending = self._take_waiting()
            if waiters:
                self._commit(waiters)

    def _take_waiting(self) -> tuple[list[Waiter], bool]:
        """Return what waits, at least one and at most a commit's worth, and whether the thread is to end after it."""
        first = self._queue.get()
        if first is None:
            return [], True
        waiters, count = [first], first.events
        while count < MAX_EVENTS_A_COMMIT:
            try:
                waiter = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiter is None:
                return waiters, True
            waiters.append(waiter)
            count += waiter.events
        return waiters, False

    def _commit(self, waiters: list[Waiter]) -> None:
        failure: BaseException | None = None
        entries = [entry for waiter in waiters for entry in waiter.entries]
        refusals = [refusal for waiter in waiters for refusal in waiter.refusals]
        started = time.perf_counter()
        try:
            self._log.append(entries, refusals)
        except StorageFull as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be told that it was written
            if len(waiters) > 1:  # one request's events must not fail those of others
                for waiter in waiters:
                    self._commit([waiter])
                return
            if not isinstance(error, CoreError):
                _LOG.exception("the event log could not be written")
            failure = error
        if failure is None:
            self._report(entries, refusals, time.perf_counter() - started)
        self._answer(waiters, failure)

    def _report(self, entries: list[LogEntry], refusals: list[Refusal], seconds: float) -> None:
        if self._on_commit is not None:
            try:
                self._on_commit(entries, refusals, seconds, self._events - len(entries) - len(refusals))
            except Exception:  # noqa: BLE001 - a count that fails must not keep anybody from the answer
                _LOG.exception("a commit could not be counted")

    def _answer(self, waiters: list[Waiter], failure: BaseException | None) -> None:
        with self._lock:
            self._events -= sum(waiter.events for waiter in waiters)
            self._bytes -= sum(waiter.size_bytes for waiter in waiters)
        for loop in {waiter.loop for waiter in waiters}:
            futures = [waiter.future for waiter in waiters if waiter.loop is loop]
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, futures, failure)


def _resolve(futures: list[asyncio.Future[None]], failure: BaseException | None) -> None:
    for future in futures:
        if future.done():  # its sender went away
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
