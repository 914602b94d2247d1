"""The questions that are asked of a SQL model, in the words of each engine. One file an engine; no translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from core.warehouses.definition import ColumnType


class SqlModelDialect(ABC):
    """Writes the queries around a guarded query; what most engines write alike stands here."""

    text_type = "VARCHAR"

    def quote(self, name: str) -> str:
        """Return `name` as a quoted identifier."""
        return '"' + name.replace('"', '""') + '"'

    def cast_sql(self, column: str) -> str:
        """Return the column cast to text."""
        return f"CAST({self.quote(column)} AS {self.text_type})"

    @abstractmethod
    def text_sql(self, column: ColumnType) -> str:
        """Return the column as the text that is shown of it, where a cast is not enough."""

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

    def duplicate_rows_sql(self, query: str, key_column: str, limit: int) -> str:
        """Return rows that share a key, rows of one key together."""
        key = self.cast_sql(key_column)
        return (
            f"SELECT * FROM ({query}\n) AS model_rows WHERE trim({key}) <> '' "  # noqa: S608
            f"QUALIFY count(*) OVER (PARTITION BY {key}) > 1 ORDER BY {key} LIMIT {limit}"
        )

    def where_sql(self, query: str, condition: str, limit: int) -> str:
        """Return rows for which `condition` holds."""
        return f"SELECT * FROM ({query}\n) AS model_rows WHERE {condition} LIMIT {limit}"  # noqa: S608

    def longest_sql(self, query: str, columns: Sequence[ColumnType], limit: int) -> str:
        """Return the rows with the longest values of `columns`."""
        sizes = ", ".join(f"coalesce(length({self.text_sql(column)}), 0)" for column in columns)
        return f"SELECT * FROM ({query}\n) AS model_rows ORDER BY greatest({sizes}) DESC LIMIT {limit}"  # noqa: S608

    def is_blank(self, column: str) -> str:
        """Return a condition: the value is NULL or blank text."""
        return f"coalesce(trim({self.cast_sql(column)}), '') = ''"

    @abstractmethod
    def is_not_ascii(self, column: str) -> str:
        """Return a condition: the text holds a character outside ASCII."""

    @abstractmethod
    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return a condition: a number beyond what a double holds exactly, or a date nobody meant; None: no such."""
