"""The questions that are asked of a SQL model, in the words of each engine. One file an engine; no translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from core.warehouses.definition import ColumnType


class SqlModelDialect(ABC):
    """Writes the queries around a guarded query."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """Return `name` as a quoted identifier."""

    def columns_sql(self, query: str, columns: Sequence[str]) -> str:
        """Return all rows with these columns only, so that the others are neither computed nor sent."""
        names = ", ".join(self.quote(name) for name in columns)
        return f"SELECT {names} FROM ({query}\n) AS model_rows"  # noqa: S608 - a guarded query, quoted names

    @abstractmethod
    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one row: `rows`, and per column number `filled_ distinct_ longest_chars_ longest_ minimum_ maximum_
        sample_`.
        """

    @abstractmethod
    def key_counts_sql(self, query: str, key_column: str) -> str:
        """Return one row: rows, distinct_keys, nulls, duplicate_keys, duplicate_rows."""

    @abstractmethod
    def duplicate_rows_sql(self, query: str, key_column: str, limit: int) -> str:
        """Return rows that share a key, rows of one key together."""

    @abstractmethod
    def where_sql(self, query: str, condition: str, limit: int) -> str:
        """Return rows for which `condition` holds."""

    @abstractmethod
    def longest_sql(self, query: str, columns: Sequence[ColumnType], limit: int) -> str:
        """Return the rows with the longest values of `columns`."""

    @abstractmethod
    def is_blank(self, column: str) -> str:
        """Return a condition: the value is NULL or blank text."""

    @abstractmethod
    def is_not_ascii(self, column: str) -> str:
        """Return a condition: the text holds a character outside ASCII."""

    @abstractmethod
    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return a condition: a number beyond what a double holds exactly, or a date nobody meant; None: no such."""
