"""The contract that every engine fulfils. One file per engine; nothing above this package knows an engine by name."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from contextlib import closing
from types import TracebackType
from typing import ClassVar, Self

import pyarrow as pa

from core.errors import CoreError, ResultTooLarge
from core.storage.home import Home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, ConnectionReport, TableInfo, WarehouseDefinition

QUERY_TIMEOUT_S = 60.0
STREAM_TIMEOUT_S = 3600.0
BATCH_ROWS = 16_384
MAX_RESULT_BYTES = 1024**3


class Warehouse(ABC):
    """One warehouse, ready to be asked.

    Every method takes ONE query that the guard of `core.sql_models` has let through, and runs it in the engine's
    read-only session. A time-out counts the time the engine takes; the time a consumer takes between two batches
    does not count. Every failure is a `CoreError`; no engine's exception leaves this package.
    """

    definition: ClassVar[WarehouseDefinition]

    @classmethod
    @abstractmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for these settings without connecting yet.

        Raises:
            InvalidField: A setting that only the engine can judge is wrong.
        """

    @property
    def dialect(self) -> str:
        """The SQL dialect, by SQLGlot's name."""
        return self.definition.dialect

    @abstractmethod
    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns that `sql` would give, without running it."""

    @abstractmethod
    def list_tables(self) -> list[TableInfo]:
        """Return the tables and views that a query can name, with their columns, by schema and name."""

    @abstractmethod
    def stream(
        self,
        sql: str,
        *,
        batch_rows: int = BATCH_ROWS,
        timeout_s: float = STREAM_TIMEOUT_S,
        max_rows: int | None = None,
        cancel: CancelToken | None = None,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows in batches of up to `batch_rows`; closing the generator stops the query.

        At least one batch comes, of no rows where there are none, so that the columns are always known.
        Memory does not grow with the result: the engine waits while the consumer works.

        Raises:
            QueryError: `QueryTimeout`, `QueryCancelled`, `SqlSyntaxError`, `ResultTooLarge`, `NotReadOnly`.
            ConnectivityError: The warehouse cannot be used.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what the warehouse holds. Closing twice is fine."""

    @abstractmethod
    def _probe(self) -> str:
        """Ask the engine something small and return one sentence about what can be read."""

    def can_write(self) -> bool:
        """Whether sync state can be kept inside this warehouse."""
        return False

    def test_connection(self) -> ConnectionReport:
        """Connect, read the catalog, and say what was found; a failure is in the report, not raised."""
        started = time.perf_counter()
        try:
            detail = self._probe()
        except CoreError as error:
            return ConnectionReport(False, False, False, _millis_since(started), str(error), error)
        return ConnectionReport(True, True, self.can_write(), _millis_since(started), detail)

    def query(
        self,
        sql: str,
        *,
        timeout_s: float = QUERY_TIMEOUT_S,
        max_rows: int | None = None,
        cancel: CancelToken | None = None,
        max_bytes: int = MAX_RESULT_BYTES,
    ) -> pa.Table:
        """Return the whole result, or its first `max_rows` rows, as one table.

        Raises:
            ResultTooLarge: The rows take more than `max_bytes` of memory; nothing of them is returned.
        """
        batches: list[pa.RecordBatch] = []
        size = 0
        with closing(self.stream(sql, timeout_s=timeout_s, max_rows=max_rows, cancel=cancel)) as stream:
            for batch in stream:
                size += batch.nbytes
                if size > max_bytes:
                    raise ResultTooLarge(
                        f"The result takes more than {max_bytes // 1024**2} MB.",
                        hint="Select fewer columns or rows, or shorten the long values.",
                    )
                batches.append(batch)
        return pa.Table.from_batches(batches)

    def __enter__(self) -> Self:
        """Return the warehouse itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _millis_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
