"""The session that writes our own tables in Redshift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from core.errors import CoreError
from core.warehouses.cancel import CancelToken
from core.warehouses.redshift.catalog import HAS_STATE_SCHEMA
from core.warehouses.redshift.connection import Connection
from core.warehouses.state_session import STATE_SCHEMA, STATEMENT_TIMEOUT_S, StateSession
from core.warehouses.stopping import Budget, cancelled, timed_out
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import STOPPED, OutOfTime, Refused, state_denied, translate_report
from core.warehouses.wire.names import literal

INSERT_BYTES = 1024**2
"""The values of one INSERT. Redshift takes statements of up to 16 MB; without S3 nothing loads faster than these."""
_CREATE_SCHEMA = "CREATE SCHEMA IF NOT EXISTS"
_TEST_TABLE = f"{STATE_SCHEMA}.connection_test"


class RedshiftStateSession(StateSession):
    """One connection, which is made with the first statement."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; see `StateSession.execute`."""
        with self._running(sql, cancel) as connection:
            # IF NOT EXISTS asks for the right to make schemas even where ours was made before
            if sql == f"{_CREATE_SCHEMA} {STATE_SCHEMA}" and connection.ask(HAS_STATE_SCHEMA):
                return 0
            return connection.run(sql)
        raise AssertionError

    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows by INSERTs of many rows; all of them arrive, or none."""
        count = 0
        with self._running(table, cancel) as connection:
            connection.run("BEGIN")
            for batch in batches:
                for values in _write_values(batch):
                    connection.run(f"INSERT INTO {table} VALUES {values}")  # noqa: S608 - literals
                count += batch.num_rows
            connection.run("COMMIT")
        return count

    def check(self) -> None:
        """Make our schema where it is missing, write a row, and take all of it back that was not there before.

        Raises:
            PermissionMissing: The login may not; `context["grant"]` holds the statement that lets it.
        """
        self.execute(f"{_CREATE_SCHEMA} {STATE_SCHEMA}")
        with self._running("", None) as connection:
            connection.run("BEGIN")
            connection.run(f"CREATE TABLE {_TEST_TABLE} (record_id VARCHAR(1))")
            connection.run(f"INSERT INTO {_TEST_TABLE} VALUES ('1')")  # noqa: S608 - constants
            connection.run("ROLLBACK")

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _running(self, sql: str, cancel: CancelToken | None) -> Iterator[Connection]:
        token = cancel or CancelToken()
        if token.cancelled:
            raise cancelled(token)
        try:
            if self._connection is None:
                self._connection = Connection(self._address)
                self._connection.set("statement_timeout", f"{STATEMENT_TIMEOUT_S * 1000:.0f}")
            self._connection.prepare(Budget(STATEMENT_TIMEOUT_S), token)
            yield self._connection
        except BaseException as error:
            self.close()  # with it goes a transaction that failed; the next statement has a new connection
            if isinstance(error, OutOfTime):
                raise timed_out(STATEMENT_TIMEOUT_S) from error
            if isinstance(error, Refused):
                raise self._translate(error, sql, token) from error
            raise

    def _translate(self, refused: Refused, sql: str, token: CancelToken) -> CoreError:
        report = refused.report
        if token.cancelled:
            return cancelled(token)
        if report.sqlstate == STOPPED:
            return timed_out(STATEMENT_TIMEOUT_S)
        if report.sqlstate == "42501":
            return state_denied(self._address, has_schema=self._has_schema(), report=report)
        return translate_report(report, sql, self._address)

    def _has_schema(self) -> bool:
        with self._running("", None) as connection:
            return bool(connection.ask(HAS_STATE_SCHEMA))
        raise AssertionError


def _write_values(batch: pa.RecordBatch) -> Iterator[str]:
    """Yield the values of one INSERT after the other."""
    held: list[str] = []
    size = 0
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        text = "(" + ", ".join("NULL" if value is None else literal(value) for value in row) + ")"
        held.append(text)
        size += len(text)
        if size >= INSERT_BYTES:
            yield ", ".join(held)
            held, size = [], 0
    if held:
        yield ", ".join(held)
