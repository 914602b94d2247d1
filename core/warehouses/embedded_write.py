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

from core.errors import QueryError, StorageFull, Unreachable
from core.warehouses.cancel import CancelToken
from core.warehouses.sandbox_pool import get_pool
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import cancelled

WAIT_S = 40.0
"""Longer than an idle child keeps a file open."""
POLL_S = 0.25
MEMORY = "256MB"


class EmbeddedWriteSession(StateSession):
    """One connection to the file at `path`; closing it lets others open the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connect(path)

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; see `StateSession.execute`."""
        _stop_if_cancelled(cancel)
        try:
            row = self._connection.execute(sql).fetchone()
        except duckdb.Error as error:
            raise self._translate(error) from error
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
                raise self._translate(error) from error
            count += batch.num_rows
        return count

    def close(self) -> None:
        """Write what is left to the file and let go of it."""
        self._connection.close()

    def _translate(self, error: duckdb.Error) -> Exception:
        text = str(error)
        if "No space left" in text or "disk" in text.lower():
            return StorageFull(
                f"The disk under the warehouse file {self._path.name} is full.", hint="Free some space, then try again."
            )
        context = {"engine_message": text.splitlines()[0] if text else ""}
        return QueryError(
            f"The warehouse file {self._path.name} refused what was to be written.",
            hint="What the warehouse said is below; report it where it is no table of another program.",
            context=context,
        )


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    if not path.exists():
        raise Unreachable(
            f"The warehouse file {path.name} is gone.",
            code="warehouse_file_missing",
            hint="Put the file back into the workspace's warehouse folder, or create the warehouse again.",
        )
    get_pool().release_file(path)
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return duckdb.connect(str(path), config={"memory_limit": MEMORY, "threads": "1"})
        except duckdb.Error as error:
            if "lock" not in str(error).lower() or time.monotonic() > deadline:
                raise Unreachable(
                    f"The warehouse file {path.name} cannot be opened for writing: another program has it open.",
                    code="warehouse_locked",
                    hint="Close the other program, or wait until its query has ended; then try again.",
                ) from error
        time.sleep(POLL_S)


def _stop_if_cancelled(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.cancelled:
        raise cancelled(cancel)
