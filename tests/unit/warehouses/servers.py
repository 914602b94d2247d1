"""What tests of Postgres and Redshift ask alike: how a server refuses, which grants are missing, how values arrive."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from core.errors import CoreError, PermissionMissing, QueryTimeout, SqlSyntaxError, Unreachable
from core.records import read_values
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import Kind, read_columns
from core.warehouses.warehouse import Warehouse

PASSWORD = "s3cret-Päss"
ENDLESS = "SELECT sum(a * b) AS n FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b"


def refuse(connect: Callable[..., Warehouse], kind: type[CoreError], **changed: object) -> CoreError:
    """Return what a connection test reports, which is never raised and never tells the password."""
    report = connect(**changed).test_connection()
    assert not report.ok
    assert isinstance(report.error, kind), report.error
    assert report.error.message and report.error.hint
    told = f"{report.error!r} {report.error} {report.error.to_dict()}"
    assert PASSWORD not in told and str(changed.get("password", PASSWORD)) not in told
    return report.error


def find_closed_port() -> int:
    """Return a port at which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@contextmanager
def run_stranger(answer: bytes) -> Iterator[int]:
    """Run a server of another protocol, which gives one answer to what comes first; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            end, _ = listener.accept()
            with end:
                end.recv(1024)
                end.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def collect_write_grants(connect: Callable[..., Warehouse], admin: psycopg.Connection) -> list[str]:
    """Run each grant that is told to be missing until the login may write, and return them; the schema is left behind.

    After the first one the schema is made somebody else's.
    """
    grants: list[str] = []
    while True:
        report = connect().test_connection()
        assert report.ok and report.can_read
        if report.can_write:
            return grants
        assert isinstance(report.write_error, PermissionMissing) and len(grants) < 3
        grants.append(str(report.write_error.context["grant"]))
        admin.execute(grants[-1].encode())
        if len(grants) == 1:
            admin.execute("ALTER SCHEMA __onramp OWNER TO postgres")


def wait_until(admin: psycopg.Connection, sql: str, *, found: bool) -> None:
    """Wait until the statement finds a row, or none; at most ten seconds."""
    deadline = time.monotonic() + 10
    while bool(admin.execute(sql.encode()).fetchall()) is not found:
        assert time.monotonic() < deadline, f"still {'no' if found else 'a'} row: {sql}"


def read_in_thread(warehouse: Warehouse, sql: str, token: CancelToken) -> tuple[threading.Thread, list[object]]:
    """Start the query; what becomes of it is in the list."""
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(warehouse.query(sql, cancel=token))
        except CoreError as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, outcome


def require_end_by_administrator(connect: Callable[[], Warehouse], admin: psycopg.Connection, running: str) -> None:
    """A query that is cancelled, or whose session is ended, is told as such; `running` says which ones are meant."""
    stop = f"SELECT pg_{{}}_backend(pid) FROM pg_stat_activity WHERE {running}"
    for how, kind, told in (
        ("cancel", QueryTimeout, "The server stopped the query"),
        ("terminate", Unreachable, ""),
    ):
        thread, outcome = read_in_thread(connect(), ENDLESS, CancelToken())
        deadline = time.monotonic() + 10
        # Again and again: the query before may still be listed, and between two statements there is nothing to cancel
        while thread.is_alive() and time.monotonic() < deadline:
            admin.execute(stop.format(how).encode())
            thread.join(0.1)
        assert isinstance(outcome[0], kind)
        assert outcome[0].message.startswith(told) and outcome[0].hint


def require_places_of_other_words(warehouse: Warehouse) -> None:
    """Texts in another dialect are refused at their place."""
    for sql, place in (
        ("SELECT `id` FROM t", "Line 1, column 13"),
        ("SELECT 1 AS n\nQUALIFY row_number() OVER () = 1", "Line 2, column 1"),
        ("SELECT IFF(true, 1, 2)", "Line 1, column 8"),
        ("SELECT $1 AS n", "The query has a parameter"),
    ):
        with pytest.raises(SqlSyntaxError, match=place):
            warehouse.query(sql)


def require_value(warehouse: Warehouse, expression: str, kind: Kind, value: object) -> None:
    """The value of the expression arrives as it is, beside a NULL."""
    one = f"(SELECT 1 AS n, {expression} AS v) AS one"
    sql = f"SELECT v FROM generate_series(1, 2) AS s(n) LEFT JOIN {one} USING (n) ORDER BY n"
    table = warehouse.query(sql)
    assert read_columns(table.schema) == warehouse.describe(sql)
    assert read_columns(table.schema)[0].kind is kind
    found = read_values(table.column(0))
    assert type(found[0]) is type(value)
    assert found == [value, None]
