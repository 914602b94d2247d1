"""The session that writes into an embedded warehouse: DuckDB in this process, for statements that Onramp wrote.

DuckDB lets one process write a file while no other has it open, and a query's child process keeps its file open for a
while: so the session waits for the file, as long as such a child lives.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from core.warehouses.cancel import CancelToken
from core.warehouses.embedded_errors import file_gone, is_locked, translate_open_error, translate_write_error
from core.warehouses.sandbox_pool import SandboxPool
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import cancelled

WAIT_S = 40.0
"""Longer than an idle child keeps a file open."""
POLL_S = 0.25
MEMORY = "256MB"


class EmbeddedWriteSession(StateSession):
    """One connection to the file at `path`; closing it lets others open the file."""

    def __init__(self, path: Path, pool: SandboxPool) -> None:
        self._path = path
        self._connection = _connect(path, pool)

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; see `StateSession.execute`."""
        _stop_if_cancelled(cancel)
        try:
            row = self._connection.execute(sql).fetchone()
        except duckdb.Error as error:
            raise translate_write_error(error, self._path) from error
        return int(row[0]) if row and isinstance(row[0], int) else -1

    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows from Arrow; see `StateSession.load`."""
        count = 0
        for batch in batches:
            _stop_if_cancelled(cancel)
            try:
                self._connection.register("incoming", pa.Table.from_batches([batch]))
                self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608 - a table of ours
                self._connection.unregister("incoming")
            except duckdb.Error as error:
                raise translate_write_error(error, self._path) from error
            count += batch.num_rows
        return count

    def close(self) -> None:
        """Write what is left to the file and let go of it."""
        self._connection.close()


def _connect(path: Path, pool: SandboxPool) -> duckdb.DuckDBPyConnection:
    if not path.exists():
        raise file_gone(path)
    deadline = time.monotonic() + WAIT_S
    while True:
        pool.release_file(path)  # each time: a child whose query has ended meanwhile has the file open too
        try:
            return duckdb.connect(str(path), config={"memory_limit": MEMORY, "threads": "1"})
        except duckdb.Error as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise translate_open_error(error, path) from error
        time.sleep(POLL_S)


def _stop_if_cancelled(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.cancelled:
        raise cancelled(cancel)
