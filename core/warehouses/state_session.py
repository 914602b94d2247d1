"""The one session that may write into a warehouse, for our own tables in the schema `__onramp`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from types import TracebackType
from typing import Self

import pyarrow as pa

from core.warehouses.cancel import CancelToken

STATE_SCHEMA = "__onramp"
STATEMENT_TIMEOUT_S = 3600.0
STAGED_BATCH_ROWS = 16_384


class StateSession(ABC):
    """One connection of one thread. It runs statements that Onramp wrote; a person's SQL only inside a read-only one.

    A context manager that closes the connection; what was not committed by a statement of ours is gone then.
    """

    @abstractmethod
    def execute(self, sql: str, *, read_only: bool = False, cancel: CancelToken | None = None) -> int:
        """Run one statement, commit, and return the number of rows it touched; -1 where the engine does not say.

        Args:
            sql: One statement.
            read_only: Run it in a transaction that can write nothing but temporary tables, where the engine has such
                transactions. Required for every statement that holds a person's SQL.
            cancel: Turned to stop the statement; nothing of it stays.

        Raises:
            PermissionMissing: The login lacks a permission.
            QueryError, ConnectivityError: As `Warehouse.stream` raises.
        """

    @abstractmethod
    def stream(
        self, sql: str, *, batch_rows: int = STAGED_BATCH_ROWS, cancel: CancelToken | None = None
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a query of ours, tagged as `Warehouse.stream` tags them; at least one batch comes."""

    @abstractmethod
    def close(self) -> None:
        """End the connection. Closing twice is fine."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
