"""Sessions with Snowflake, asked from ordinary threads.

The driver can give a statement up only where it is awaited: cancelling its task sends the abort request. So its
coroutines run on an event loop in a thread of its own, and the asking thread waits for them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import time
from collections.abc import Coroutine, Generator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import pyarrow as pa

from core.warehouses.cancel import CancelToken

T = TypeVar("T")
Connection = Any  # the driver's connection and cursor
Cursor = Any

IDLE_S = 60.0
CLOSE_TIMEOUT_S = 5.0
DRIVER_LIMITS: Mapping[str, object] = {
    "connect_timeout": 10,
    "login_timeout": 20,
    "request_timeout": 20,
    "retry_max_attempts": 3,  # of a request that failed with 5xx or on the way; the request id makes it one statement
    "retry_backoff_cap_ms": 1_000,
    "logout_total_timeout_seconds": 4,
    "enable_server_session_keep_alive_auto_detection": False,
}
SESSION_PARAMETERS: Mapping[str, object] = {
    "ABORT_DETACHED_QUERY": True,  # a statement ends soon after this process does
    "CLIENT_RESULT_CHUNK_SIZE": 48,  # MB, the smallest there is: two chunks are held at once
    "CLIENT_TELEMETRY_ENABLED": False,
    "GEOGRAPHY_OUTPUT_FORMAT": "GeoJSON",
    "GEOMETRY_OUTPUT_FORMAT": "GeoJSON",
    "MULTI_STATEMENT_COUNT": 1,
}


class Refused(Exception):
    """The driver raised its own error. `number` is Snowflake's, or below 100 the driver's; `text` is for the log."""

    def __init__(self, number: int, text: str, query_id: str | None) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.query_id = query_id


class OutOfTime(Exception):
    """The engine took longer than it may; the statement has been aborted."""


class Stopped(Exception):
    """Somebody turned the token; the statement has been aborted."""


class Waiter:
    """Waits for the driver in one thread, as long as its budget lasts and nobody turns its token.

    The time between two waits is the consumer's and does not count.
    """

    def __init__(self, timeout_s: float, cancel: CancelToken | None = None) -> None:
        self.token = cancel or CancelToken()
        self._left_s = timeout_s

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what `coroutine` returns.

        Raises:
            Refused: The driver raised an error.
            OutOfTime, Stopped: The coroutine was cancelled before it was done.
        """
        return self.wait(asyncio.run_coroutine_threadsafe(coroutine, get_loop()))

    def wait(self, future: concurrent.futures.Future[T]) -> T:
        """Return what `future` gives; see `run`."""
        forget = self.token.on_cancel(lambda: _give_up(future))
        started = time.monotonic()
        try:
            return future.result(max(0.0, self._left_s))
        except concurrent.futures.CancelledError as error:
            raise Stopped from error
        except TimeoutError as error:
            raise OutOfTime from error
        except Exception as error:
            raise _read_refusal(error) from error
        finally:
            forget()
            future.cancel()
            self._left_s -= time.monotonic() - started

    def check(self) -> None:
        """Stop here where somebody turned the token.

        Raises:
            Stopped: Somebody did.
        """
        if self.token.cancelled:
            raise Stopped


class SessionPool:
    """The sessions of one warehouse: one statement at a time each; a few wait a while for the next."""

    def __init__(self, parameters: Mapping[str, object], zone: str) -> None:
        self._parameters: dict[str, Any] = {**DRIVER_LIMITS, **parameters}
        self._session_parameters = {**SESSION_PARAMETERS, "TIMEZONE": zone}
        self._idle: list[tuple[float, Connection]] = []
        self._closing: list[concurrent.futures.Future[None]] = []
        self._lock = threading.Lock()

    def acquire(self, waiter: Waiter) -> Connection:
        """Return a session for one statement after the other; log in where none waits."""
        while (idle := self._take()) is not None:
            since, connection = idle
            if time.monotonic() - since < IDLE_S:
                return connection
            self.discard(connection)
        return waiter.run(self._connect())

    def release(self, connection: Connection) -> None:
        """Keep a session for the next statement."""
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    def discard(self, connection: Connection) -> None:
        """Log out without waiting for it; Snowflake ends what the session still runs."""
        closing = asyncio.run_coroutine_threadsafe(_close(connection), get_loop())
        with self._lock:
            self._closing = [each for each in self._closing if not each.done()] + [closing]

    def close(self) -> None:
        """Log out everywhere."""
        while (idle := self._take()) is not None:
            self.discard(idle[1])
        with self._lock:
            closing, self._closing = self._closing, []
        concurrent.futures.wait(closing, CLOSE_TIMEOUT_S)

    def _take(self) -> tuple[float, Connection] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    async def _connect(self) -> Connection:
        from snowflake.connector.aio import SnowflakeConnection  # a second to load, spent where it is needed only

        connection = SnowflakeConnection(session_parameters=dict(self._session_parameters), **self._parameters)
        await connection.connect()
        return connection


def read_tables(waiter: Waiter, batches: list[Any]) -> Generator[pa.Table, None, None]:
    """Yield each part of a result; the next one is fetched while the consumer works on this one."""
    loop = get_loop()
    ahead: concurrent.futures.Future[pa.Table | None] | None = None
    try:
        for batch in batches:
            fetch = batch.to_arrow(number_to_decimal=True, force_microsecond_precision=True)
            arrived, ahead = ahead, asyncio.run_coroutine_threadsafe(fetch, loop)
            if arrived is not None and (table := waiter.wait(arrived)) is not None:
                yield table
        if ahead is not None and (table := waiter.wait(ahead)) is not None:
            yield table
    finally:
        if ahead is not None:
            ahead.cancel()


def get_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that the driver's coroutines run on; the first call starts its thread."""
    global _loop
    with _loop_lock:
        if _loop is None:
            # Read by the driver's core: else each login asks the cloud's metadata service where it runs
            os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="snowflake", daemon=True).start()
        return _loop


_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


async def _close(connection: Connection) -> None:
    with suppress(Exception):  # the session ends by itself, and there is nobody to tell
        await connection.close(retry=False)


def _read_refusal(error: Exception) -> Exception:
    from snowflake.connector.errors import Error

    return Refused(error.errno, str(error.raw_msg), error.sfqid) if isinstance(error, Error) else error


def _give_up(future: concurrent.futures.Future[Any]) -> None:
    future.cancel()
