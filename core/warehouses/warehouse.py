"""The contract that every engine fulfils. One file per engine; nothing above this package knows an engine by name."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from contextlib import closing
from types import TracebackType
from typing import ClassVar, Self

import pyarrow as pa

from core.errors import CoreError, PermissionMissing, ResultTooLarge
from core.storage.home import Home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import (
    ColumnType,
    ConnectionReport,
    CostEstimate,
    QueryTag,
    TableInfo,
    WarehouseDefinition,
)
from core.warehouses.state_session import StateSession

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
    query_tag: QueryTag | None = None
    """What the queries are run for, where the engine can show it; set before the first query."""

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
    def list_schemas(self) -> list[str]:
        """Return the schemas (datasets) with tables, in alphabetical order; our own is left out.

        Those that this login may not use are among them where the engine shows them; `list_names` says what is missing.
        """

    @abstractmethod
    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views of one schema, or of all, with their columns, by schema and name.

        One query a call, however many tables there are.
        """

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of one schema that this login may read, in their order.

        Raises:
            PermissionMissing: It may read none of those there are; `context["grant"]` holds what is missing.
        """
        return [table.name for table in self.list_tables(schema)]

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns; None where it is gone."""
        return next((table for table in self.list_tables(schema) if table.name == name), None)

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

    def open_state_session(self) -> StateSession:
        """Return a session that may write, for our own tables in the schema `__onramp` and nothing else.

        Raises:
            PermissionMissing: This engine, or this login, cannot keep sync state; the hint names the grant.
        """
        raise PermissionMissing(
            f"{self.definition.label} keeps no sync state.", hint="Its syncs keep their state beside the workspace."
        )

    def open_write_session(self) -> StateSession:
        """Return a session that may write tables of ours into a schema of a space; its owner chose the warehouse.

        Raises:
            PermissionMissing: This engine, or this login, cannot write.
        """
        return self.open_state_session()

    def check_write(self) -> None:
        """Make the schema `__onramp`, write a row in it, and take the row back.

        Raises:
            PermissionMissing: A permission is missing; `context["grant"]` holds the statement that grants it.
            CoreError: The warehouse cannot be used.
        """
        self.open_state_session().close()

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return what `sql` would cost, without running it."""
        return CostEstimate("This engine does not tell what a query costs before it runs.")

    def count(self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None) -> int:
        """Return how many rows `sql` gives."""
        counted = f"SELECT count(*) AS n FROM ({sql}\n) AS model_rows"  # noqa: S608 - a guarded query
        return int(self.query(counted, timeout_s=timeout_s, cancel=cancel)[0][0].as_py())

    def check_reachable(self) -> None:
        """Ask the engine the least that shows that it is there and takes the login.

        Raises:
            ConnectivityError: It is not, or does not.
        """
        self.query("SELECT 1 AS n")

    def read_data_version(self) -> str | None:
        """Return a text that differs once any row has changed, read without a query; None: this engine cannot tell."""
        return None

    def test_connection(self) -> ConnectionReport:
        """Connect, read the catalog, try to write; say what was found. A failure is in the report, not raised."""
        started = time.perf_counter()
        try:
            detail = self._probe()
        except CoreError as error:
            return ConnectionReport(False, False, False, _millis_since(started), str(error), error)
        write_error: CoreError | None = None
        try:
            self.check_write()
        except CoreError as error:
            write_error = error
        return ConnectionReport(
            True, True, write_error is None, _millis_since(started), detail, write_error=write_error
        )

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
