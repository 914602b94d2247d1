"""One connection to a Postgres server, driven without blocking, so that time-outs and cancelling work while it waits.

Statements go by the extended protocol, in which a text of two statements is refused by the server itself; only scripts
of our own constants go by the simple one.
"""

from __future__ import annotations

import contextlib
import select
import socket
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from core.warehouses.cancel import CancelToken
from core.warehouses.postgres.errors import read_result, translate_connect
from core.warehouses.stopping import Budget
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import OutOfTime, Refused, ServerReport

CONNECT_TIMEOUT_S = 10
CANCEL_TIMEOUT_S = 5.0
ASK_AGAIN_S = 0.5
_CHECKS_CLIENT_SINCE = 140_000


def connect(address: Address) -> psycopg.Connection:
    """Return a new connection on which each statement commits by itself.

    Raises:
        CoreError: The server cannot be used; `context["field"]` names the setting to look at, where one is to blame.
    """
    with _authority(address) as root_certificate:
        try:
            connection = psycopg.connect(_describe_connection(address, root_certificate), autocommit=True)
        except psycopg.Error as error:
            raise translate_connect(error, address) from error
    if connection.info.server_version >= _CHECKS_CLIENT_SINCE:
        # A query ends when this process has died, not when its result is ready; servers not on Linux cannot do it
        with contextlib.suppress(psycopg.Error):
            connection.execute("SET client_connection_check_interval = '5s'")
    return connection


def _describe_connection(address: Address, root_certificate: str) -> str:
    host, port = address.reached_at or ("", address.port)
    parameters: dict[str, str | int] = {
        "host": address.host,
        "port": port,
        "dbname": address.database,
        "user": address.user,
        "password": address.password,
        "sslmode": address.ssl_mode,
        "gssencmode": "disable",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "application_name": "onramp",
        "client_encoding": "UTF8",
        "options": "",
    }
    if host:  # the near end of a tunnel; the certificate is still to be for the server's own name
        parameters["hostaddr"] = host
    if root_certificate:
        parameters["sslrootcert"] = root_certificate
    return make_conninfo("", **parameters)


@contextmanager
def _authority(address: Address) -> Iterator[str]:
    # libpq takes the certificate of an authority from a file only, and reads it while it connects.
    if address.ssl_mode != "verify-full":
        yield ""
    elif not address.ssl_ca:
        yield "system"
    else:
        with tempfile.TemporaryDirectory(prefix="onramp-") as folder:
            path = Path(folder) / "authority.pem"
            path.write_text(address.ssl_ca + "\n", encoding="ascii", errors="replace")
            yield str(path)


class Link:
    """One connection that serves one query at a time. `cancel` may be called from any thread."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._poll.register(self._pg.socket, select.POLLIN)
        self._budget = Budget(0.0)
        self._token = CancelToken()

    def prepare(self, budget: Budget, token: CancelToken) -> None:
        """Make the link ready for one query's time and switch."""
        self._budget, self._token = budget, token

    def run(self, script: str) -> None:
        """Run statements of ours, made of constants only."""
        self._pg.send_query(script.encode())
        for _ in self._results(script):
            pass

    def ask(self, sql: str) -> list[list[str | None]]:
        """Run one statement and return its rows as text."""
        self._pg.send_query_params(sql.encode(), None)
        rows: list[list[str | None]] = []
        for result in self._results(sql):
            for row in range(result.ntuples):
                values = (result.get_value(row, column) for column in range(result.nfields))
                rows.append([None if value is None else value.decode() for value in values])
        return rows

    def describe(self, sql: str) -> pq.abc.PGresult:
        """Return what the statement takes and gives, without running it."""
        self._pg.send_prepare(b"", sql.encode())
        for _ in self._results(sql):
            pass
        self._pg.send_describe_prepared(b"")
        (result,) = self._results(sql)
        return result

    def copy_out(self, sql: str, *, max_rows: int, max_bytes: int) -> Generator[bytearray, None, None]:
        """Run `COPY … TO STDOUT` and yield its lines, some whole ones at a time; the server waits while nobody asks."""
        self._pg.send_query_params(sql.encode(), None)
        for result in self._results(sql):
            if result.status == pq.ExecStatus.COPY_OUT:
                yield from self._gather_lines(max_rows, max_bytes)

    def _gather_lines(self, max_rows: int, max_bytes: int) -> Generator[bytearray, None, None]:
        # libpq gives a line at a time, so this loop runs once a row: a list of the lines took four times as long
        get_line, lines, rows_left = self._pg.get_copy_data, bytearray(), max_rows
        while True:
            size, line = get_line(1)
            if size > 0:
                lines += line
                rows_left -= 1
                if not rows_left or len(lines) >= max_bytes:
                    yield lines
                    lines, rows_left = bytearray(), max_rows
            elif size == 0:
                self._wait()
                self._pg.consume_input()
            else:
                break
        if lines:
            yield lines

    def cancel(self) -> None:
        """Ask the server to stop what it does for this connection; hang up where it cannot be asked."""
        with self._lock:
            if self._connection.closed:
                return
            try:
                self._connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)
            except psycopg.Error:
                with contextlib.suppress(OSError), socket.socket(fileno=self._pg.socket) as end:
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    finally:
                        end.detach()

    def close(self) -> None:
        """End the connection, and what it is doing."""
        if not self._connection.closed and self._pg.transaction_status == pq.TransactionStatus.ACTIVE:
            self.cancel()
        with self._lock:
            self._connection.close()

    def _results(self, sent: str) -> Generator[pq.abc.PGresult, None, None]:
        while self._pg.flush():
            self._wait(select.POLLIN | select.POLLOUT)
            self._pg.consume_input()
        failure: ServerReport | None = None
        while True:
            while self._pg.is_busy():
                self._wait()
                self._pg.consume_input()
            result = self._pg.get_result()
            if result is None:
                break
            if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
                failure = read_result(result)
            elif failure is None:
                yield result
        if failure is not None:
            raise Refused(failure, sent)

    def _wait(self, events: int = select.POLLIN) -> None:
        self._poll.modify(self._pg.socket, events)
        while True:
            started = time.monotonic()
            ready = self._poll.poll(max(0.0, min(self._budget.left_s, ASK_AGAIN_S)) * 1000)
            self._budget.spend(time.monotonic() - started)
            if ready:
                return
            if self._budget.left_s <= 0:
                raise OutOfTime
            if self._token.cancelled:  # the server forgets a request that comes before the query has begun
                self.cancel()


def open_link(address: Address) -> Link:
    """Return a new link.

    Raises:
        CoreError: The server cannot be used.
    """
    return Link(connect(address))
