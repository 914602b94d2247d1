"""One connection to Redshift for one query. The driver blocks, so a watch in another thread stops what takes too long.

The driver cannot cancel: a second connection asks the server to (`pg_cancel_backend`), again and again until it did.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redshift_connector
from redshift_connector.core import Connection as Driver
from redshift_connector.error import Error

from core.warehouses.cancel import CancelToken
from core.warehouses.redshift.errors import read_report, translate_connect, translate_reach
from core.warehouses.stopping import Budget
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import ServerReport

REACH_TIMEOUT_S = 10.0
SILENCE_S = 30
"""How much longer than a statement may take the socket stays silent before we take the network for dead."""
ASK_AGAIN_S = 0.5

Failures = (Error, OSError, struct.error)
"""What the driver raises, a connection cut in the middle of a message included."""


class Refused(Exception):
    """The server answered with an error; `sent` is the text that it was about."""

    def __init__(self, report: ServerReport, sent: str) -> None:
        super().__init__(report.message)
        self.report = report
        self.sent = sent


class OutOfTime(Exception):
    """The query took longer than it may."""


class Connection:
    """A connection on which each statement commits by itself, until a transaction is begun."""

    def __init__(self, address: Address, timeout_s: float, token: CancelToken) -> None:
        self._address = address
        self._budget = Budget(timeout_s)
        self._token = token
        self._driver = _connect(address, timeout_s)
        self._cursor = self._driver.cursor()
        self._pid = 0
        self._pid = int(self.ask("SELECT pg_backend_pid() AS pid")[0][0])

    @property
    def columns(self) -> list[tuple[str, int, int]]:
        """Name, type number and modifier of each column of the last statement."""
        described: Sequence[dict[str, Any]] = (self._cursor.ps or {"row_desc": ()})["row_desc"]
        return [(item["label"].decode(), item["type_oid"], item["type_modifier"]) for item in described]

    def renew(self, timeout_s: float, token: CancelToken) -> None:
        """Give the next statement its time and its switch."""
        self._budget, self._token = Budget(timeout_s), token

    def run(self, sql: str) -> int:
        """Run one statement and return how many rows it touched, -1 where the server does not say.

        Raises:
            Refused: The server answered with an error, or the connection was lost.
            OutOfTime: The time is up.
        """
        started = time.monotonic()
        with self._watching():
            try:
                self._cursor.execute(sql)
            except Failures as error:
                raise Refused(read_report(error), sql) from error
            finally:
                self._budget.spend(time.monotonic() - started)
                if self._budget.left_s <= 0 and not self._token.cancelled:
                    raise OutOfTime
        return int(self._cursor.rowcount)

    def ask(self, sql: str) -> Sequence[Sequence[Any]]:
        """Run one statement and return its rows."""
        self.run(sql)
        rows: Sequence[Sequence[Any]] = self._cursor.fetchall()
        return rows

    def close(self) -> None:
        """End the connection; what it has not committed is gone."""
        with contextlib.suppress(*Failures):
            self._driver.close()

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
        while not is_done.is_set():
            _cancel(self._address, self._pid)
            is_done.wait(ASK_AGAIN_S)


def _connect(address: Address, timeout_s: float) -> Driver:
    host, port = address.reached_at or (address.host, address.port)
    try:
        # The driver has one time-out, for connecting and for waiting: whether anybody is there is asked before
        socket.create_connection((host, port), timeout=REACH_TIMEOUT_S).close()
    except OSError as error:
        raise translate_reach(error, address) from error
    # Through a tunnel the driver sees the name of this computer only, so it can check the authority and not the name
    mode = "verify-ca" if address.reached_at and address.ssl_mode == "verify-full" else address.ssl_mode
    try:
        driver = redshift_connector.connect(
            host=host,
            port=port,
            database=address.database,
            user=address.user,
            password=address.password,
            ssl=mode != "disable",
            sslmode=None if mode == "disable" else mode,
            timeout=math.ceil(timeout_s) + SILENCE_S,
            application_name="onramp",
        )
    except Exception as error:  # the driver's helpers for logging in raise errors of their own
        raise translate_connect(error, address) from error
    driver.autocommit = True
    return driver


def _cancel(address: Address, pid: int) -> None:
    with contextlib.suppress(*Failures, Exception):
        driver = _connect(address, REACH_TIMEOUT_S)
        try:
            driver.cursor().execute(f"SELECT pg_cancel_backend({pid})")
        finally:
            driver.close()
