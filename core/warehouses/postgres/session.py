"""The session that writes our own tables in Postgres."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

import psycopg
import pyarrow as pa
import pyarrow.csv

from core.errors import CoreError, PermissionMissing, QueryTimeout
from core.warehouses.cancel import CancelToken
from core.warehouses.postgres.errors import read_report
from core.warehouses.postgres.link import CANCEL_TIMEOUT_S, connect
from core.warehouses.state_session import STATE_SCHEMA, STATEMENT_TIMEOUT_S, StateSession
from core.warehouses.stopping import cancelled, timed_out
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import state_denied, translate_report

LOCK_TIMEOUT_S = 30.0
"""How long a statement waits for somebody's lock on a table of ours; nobody else has any business there."""

_HAS_SCHEMA = f"SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{STATE_SCHEMA}'"
_TEST_TABLE = f"{STATE_SCHEMA}.connection_test"


class PostgresStateSession(StateSession):
    """One connection of its own, apart from those that read."""

    def __init__(self, connection: psycopg.Connection, address: Address) -> None:
        self._connection = connection
        self._address = address

    @classmethod
    def open(cls, address: Address) -> Self:
        """Return a session on a new connection.

        Raises:
            CoreError: The server cannot be used.
        """
        session = cls(connect(address), address)
        with session._translating("", CancelToken()):
            session._connection.execute(
                f"SET statement_timeout = '{STATEMENT_TIMEOUT_S:.0f}s'; SET default_transaction_read_only = off; "
                f"SET lock_timeout = '{LOCK_TIMEOUT_S * 1000:.0f}ms'; SET idle_in_transaction_session_timeout = '60s'"
            )
        return session

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; see `StateSession.execute`."""
        with self._translating(sql, cancel or CancelToken()):
            return self._connection.execute(sql.encode(), prepare=False).rowcount
        raise AssertionError

    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows by `COPY … FROM STDIN`; all of them arrive, or none."""
        count = 0
        with (
            self._translating(table, cancel or CancelToken()),
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)".encode()) as copy,
        ):
            for batch in batches:
                copy.write(_write_csv(batch))
                count += batch.num_rows
        return count

    def check(self) -> None:
        """Make our schema where it is missing, write a row, and take all of it back that was not there before.

        Raises:
            PermissionMissing: The login may not; `context["grant"]` holds the statement that lets it.
        """
        if not self._has_schema():
            self.execute(f"CREATE SCHEMA {STATE_SCHEMA}")
        with self._translating("", CancelToken()), self._connection.transaction(force_rollback=True):
            self._connection.execute(f"CREATE TABLE {_TEST_TABLE} (record_id text)".encode())
            self._connection.execute(f"INSERT INTO {_TEST_TABLE} VALUES ('1')".encode())  # noqa: S608 - constants

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _has_schema(self) -> bool:
        with self._translating("", CancelToken()):
            return self._connection.execute(_HAS_SCHEMA.encode()).rowcount > 0
        raise AssertionError

    @contextmanager
    def _translating(self, sql: str, token: CancelToken) -> Iterator[None]:
        if token.cancelled:
            raise cancelled(token)
        forget = token.on_cancel(self._cancel)
        try:
            yield
        except psycopg.Error as error:
            raise self._translate(error, sql, token) from error
        finally:
            forget()

    def _cancel(self) -> None:
        if not self._connection.closed:
            self._connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)

    def _translate(self, error: psycopg.Error, sql: str, token: CancelToken) -> CoreError:
        report = read_report(error)
        if token.cancelled:
            return cancelled(token)
        match report.sqlstate:
            case "57014":
                return timed_out(STATEMENT_TIMEOUT_S)
            case "55P03":
                return QueryTimeout(
                    f"Another session has held a lock on a table of {STATE_SCHEMA} for {LOCK_TIMEOUT_S:g} s.",
                    hint="Wait until it has ended, or end it; then try again.",
                    context=report.context,
                )
            case "42501":
                return state_denied(self._address, has_schema=self._has_schema(), report=report)
            case "25006":
                return PermissionMissing(
                    f"{self._address.host} is a read replica, or its owner allows no writing.",
                    hint="Connect to the primary server, or leave the state of syncs beside the workspace.",
                    context=report.context,
                )
        return translate_report(report, sql, self._address)


def _write_csv(batch: pa.RecordBatch) -> bytes:
    # Every value is quoted and NULL is not, which is how Postgres tells NULL from the empty text
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(batch, sink, options)
    return sink.getvalue()
