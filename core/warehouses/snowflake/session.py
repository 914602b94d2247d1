"""The session that may write: our own tables in the schema `__onramp` of the database that SQL models read."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import orjson
import pyarrow as pa

from core.errors import CoreError, PermissionMissing
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from core.warehouses.snowflake.connection import Connection, OutOfTime, Refused, SessionPool, Stopped, Waiter
from core.warehouses.snowflake.errors import is_session_lost, translate_error
from core.warehouses.snowflake.names import Names
from core.warehouses.snowflake.statement import cancelled, execute, timed_out, write_parameters
from core.warehouses.state_session import STATE_SCHEMA, STATEMENT_TIMEOUT_S, StateSession

LOADED_BYTES = 4 * 1024**2
"""The rows of one INSERT, as JSON; Snowflake binds texts of up to 16 MB."""

_IS_THERE = "SELECT count(*) AS n FROM information_schema.schemata WHERE schema_name = '{name}'"


class SnowflakeStateSession(StateSession):
    """A session of its own: it ends in our schema, which CREATE SCHEMA makes the current one, and serves no model."""

    def __init__(self, pool: SessionPool, names: Names, tag: QueryTag | None) -> None:
        self._pool = pool
        self._names = names
        self._tag = tag
        self._connection: Connection | None = None

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; Snowflake commits it by itself."""
        try:
            return self._run(sql, None, cancel)
        except PermissionMissing:
            # IF NOT EXISTS asks for CREATE SCHEMA even where the schema exists, made by its owner beforehand
            if sql == f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA}" and self._has_schema(cancel):
                return 0
            raise

    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows as JSON texts, a few MB each, that Snowflake flattens."""
        count = 0
        for text, rows, width in _pack(batches):
            values = ", ".join(f"value[{number}]::VARCHAR" for number in range(width))
            sql = f"INSERT INTO {table} SELECT {values} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))"  # noqa: S608
            self._run(sql, [text], cancel)
            count += rows
        return count

    def close(self) -> None:
        """Log out."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.discard(connection)

    def _has_schema(self, cancel: CancelToken | None) -> bool:
        sql = _IS_THERE.format(name=STATE_SCHEMA.upper())
        waiter = Waiter(STATEMENT_TIMEOUT_S, cancel)
        cursor = waiter.run(execute(self._connection, sql, write_parameters(STATEMENT_TIMEOUT_S, self._tag)))
        return int(waiter.run(cursor.fetchone())[0]) > 0

    def _run(self, sql: str, bindings: Sequence[object] | None, cancel: CancelToken | None) -> int:
        waiter = Waiter(STATEMENT_TIMEOUT_S, cancel)
        parameters = write_parameters(STATEMENT_TIMEOUT_S, self._tag)
        try:
            waiter.check()
            if self._connection is None:
                self._connection = self._pool.acquire(waiter)
            cursor = waiter.run(execute(self._connection, sql, parameters, bindings))
        except Refused as error:
            if is_session_lost(error):
                self.close()
            raise translate_error(error, self._names, sql) from error
        except (OutOfTime, Stopped) as error:
            self.close()
            raise self._stopped(error, waiter) from error
        count = cursor.rowcount
        return -1 if count is None else int(count)

    def _stopped(self, error: Exception, waiter: Waiter) -> CoreError:
        return timed_out(STATEMENT_TIMEOUT_S) if isinstance(error, OutOfTime) else cancelled(waiter.token)


def _pack(batches: Iterable[pa.RecordBatch]) -> Generator[tuple[str, int, int], None, None]:
    """Yield the rows as JSON lists of up to LOADED_BYTES, with their number and width."""
    parts: list[bytes] = []
    size = width = 0
    for batch in batches:
        width = batch.num_columns
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            part = orjson.dumps(row)
            if parts and size + len(part) > LOADED_BYTES:
                yield _join(parts), len(parts), width
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
    if parts:
        yield _join(parts), len(parts), width


def _join(parts: Sequence[bytes]) -> str:
    return f"[{b','.join(parts).decode()}]"
