"""The one session that may write into a warehouse, for our own tables in the schema `__onramp`.

A person's SQL never runs in it: SQL models are read in the read-only sessions of `Warehouse.stream`, and so are our own
tables. What is written here is what Onramp acknowledged, never a customer's table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import pyarrow as pa

from core.warehouses.cancel import CancelToken

STATE_SCHEMA = "__onramp"
STATEMENT_TIMEOUT_S = 3600.0


class StateSession(ABC):
    """One connection of one thread, in which each statement commits by itself. A context manager that closes it."""

    @abstractmethod
    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement that Onramp wrote; return the number of rows it touched, -1 where the engine does not say.

        Raises:
            PermissionMissing: The login lacks a permission; `context["grant"]` holds the statement that grants it.
            QueryError, ConnectivityError: As `Warehouse.stream` raises; nothing of the statement stays.
        """

    @abstractmethod
    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows in bulk, in the fastest way the engine has without storage of its owner; return their number.

        Args:
            table: A table of ours as SQL names it, `__onramp.records_x`; its columns are text and named as in the
                batches, in that order.
            batches: Text columns; NULL stays NULL. There may be none.
            cancel: Turned to stop; a part of the rows may have arrived then.
        """

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
