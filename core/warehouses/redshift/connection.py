"""One connection to Redshift. The driver blocks, so a watch in another thread stops what takes too long.

The driver cannot cancel: a second connection asks the server to (`pg_cancel_backend`), again and again until it did.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from redshift_connector.error import Error

from core.errors import CoreError
from core.warehouses.cancel import CancelToken
from core.warehouses.redshift.driver import Description, Driver
from core.warehouses.redshift.errors import read_report, translate_connect
from core.warehouses.stopping import Budget
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import STOPPED, OutOfTime, Refused, ServerReport

SETUP_TIMEOUT_S = 60.0
SILENCE_S = 30.0
"""How much longer than a statement may take the socket stays silent before we take the network for dead."""
ASK_AGAIN_S = 0.5
ASKS = 20

Answer = TypeVar("Answer")
Failures = (Error, OSError, struct.error, LookupError, ValueError)
"""What the driver raises, a message that was cut in the middle or that it does not know included."""


class Connection:
    """A connection that serves one query at a time; each statement commits by itself until a transaction is begun."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pid = 0
        self._settings: dict[str, str] = {}
        self.prepare(Budget(SETUP_TIMEOUT_S), CancelToken())
        self._driver = _connect(address)
        self._cursor = self._driver.cursor()
        try:
            self._pid = int(self.ask("SELECT pg_backend_pid() AS pid")[0][0])
            self.set("TimeZone", "'UTC'")
            self.set("DateStyle", "'ISO'")
        except BaseException:
            self.close()
            raise

    def prepare(self, budget: Budget, token: CancelToken) -> None:
        """Make the connection ready for one query's time and switch."""
        self._budget, self._token = budget, token

    def set(self, name: str, value: str) -> None:
        """Change a setting of the session, where it has another value; outside of a transaction."""
        if self._settings.get(name) != value:
            self.run(f"SET {name} TO {value}")
            self._settings[name] = value

    def run(self, sql: str) -> int:
        """Run one statement and return how many rows it touched, -1 where the server does not say.

        Raises:
            Refused: The server answered with an error, the connection was lost, or a person said stop.
            OutOfTime: The time is up.
        """
        self._send(sql, self._cursor.execute)
        return int(self._cursor.rowcount)

    def describe(self, sql: str) -> Description:
        """Return what a statement takes and gives, without running it; raises as `run` does."""
        return self._send(sql, self._driver.describe)

    def ask(self, sql: str) -> Sequence[Sequence[Any]]:
        """Run one statement and return its rows."""
        self.run(sql)
        rows: Sequence[Sequence[Any]] = self._cursor.fetchall()
        return rows

    def close(self) -> None:
        """End the connection; what it has not committed is gone."""
        self._driver.close()

    def _send(self, sql: str, send: Callable[[str], Answer]) -> Answer:
        if self._token.cancelled:
            raise Refused(ServerReport(STOPPED, "stopped before it was sent"), sql)
        failure: Exception | None = None
        started = time.monotonic()
        try:
            self._driver.allow(max(0.0, self._budget.left_s) + SILENCE_S)
            with self._watching():
                answer = send(sql)
        except Failures as error:
            failure = error
        self._budget.spend(time.monotonic() - started)
        if self._budget.left_s <= 0 and not self._token.cancelled:
            raise OutOfTime from failure
        if failure is not None:
            raise Refused(read_report(failure), sql) from failure
        return answer

    @contextmanager
    def _watching(self) -> Iterator[None]:
        is_done, is_due = threading.Event(), threading.Event()
        forget = self._token.on_cancel(is_due.set)
        watch = threading.Thread(target=self._watch, args=(is_done, is_due), name="redshift watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            forget()
            is_done.set()
            is_due.set()
            watch.join()

    def _watch(self, is_done: threading.Event, is_due: threading.Event) -> None:
        is_due.wait(max(0.0, self._budget.left_s))
        asked = 0
        while not is_done.is_set():
            if asked == ASKS or not _ask_to_stop(self._address, self._pid):
                self._driver.hang_up()
                return
            asked += 1
            is_done.wait(ASK_AGAIN_S)


def _connect(address: Address) -> Driver:
    try:
        return Driver(address)
    except Exception as error:  # the driver's helpers for logging in raise errors of their own
        raise translate_connect(error, address) from error


def _ask_to_stop(address: Address, pid: int) -> bool:
    """Say whether the server could be asked."""
    try:
        driver = _connect(address)
    except CoreError:
        return False
    try:
        driver.cursor().execute(f"SELECT pg_cancel_backend({pid})")
    except Failures:
        return False
    finally:
        driver.close()
    return True
