"""The comparison inside a warehouse, in the words of each engine. Written by hand: translated SQL was silently wrong.

The table `__onramp.records_<sync>` holds one row for each record that the destination acknowledged: its key and its
print, a hash of the mapped columns. A print is only ever compared with prints of the same engine, so each engine may
write it in its own way; whether a record really changed is decided by the checksum of its payload.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from core.warehouses.definition import ColumnType
from core.warehouses.state_session import STATE_SCHEMA

PRINT = "__onramp_print"
KEY = "__onramp_key"
IS_KNOWN = "__onramp_is_known"
IS_GONE = "__onramp_is_gone"
TOTAL = "__onramp_total"


class DiffDialect(ABC):
    """Writes the statements. Names of tables come from `name_table`; columns are quoted here.

    `text_type` is the type of keys and prints. Texts are compared by their bytes, whatever collation a column, a
    database or an account has, for that is how the sync's own state compares them.
    """

    text_type = "VARCHAR"

    def quote(self, name: str) -> str:
        """Return `name` as a quoted identifier: in double quotes, as most engines want it."""
        return '"' + name.replace('"', '""') + '"'

    @abstractmethod
    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return an expression over these columns: a short text; NULL differs from the empty text.

        It differs wherever two values would reach a destination as different ones, whatever a session, a user or an
        account has set.
        """

    def can_print(self, column: ColumnType) -> bool:
        """Say whether the engine can write such a column so; where it cannot, every row is read and compared here."""
        return True

    def name_table(self, name: str) -> str:
        """Return a table of ours; `name` holds a-z, 0-9 and `_` only."""
        return f"{STATE_SCHEMA}.{name}"

    def create_schema_sql(self) -> str:
        """Return the statement that makes our schema where there is none."""
        return f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA}"

    def create_records_sql(self, table: str) -> str:
        """Return the statement that makes a table of keys and prints where there is none."""
        return f"CREATE TABLE IF NOT EXISTS {table} (record_id {self.text_type}, print {self.text_type})"

    def create_generation_sql(self, table: str, generation: str) -> str:
        """Return the statement that makes the table of one row that names the generation.

        A table for each sync: rows of a shared one, written by several syncs at once, are refused by BigQuery
        ("could not serialize access") and by Redshift ("serializable isolation violation").
        """
        return f"CREATE TABLE {table} AS SELECT CAST('{generation}' AS {self.text_type}) AS generation"

    def drop_sql(self, table: str) -> str:
        """Return the statement that drops a table of ours where there is one."""
        return f"DROP TABLE IF EXISTS {table}"

    def apply_sql(self, incoming: str, records: str) -> tuple[str, ...]:
        """Return the statements that bring `incoming` (a NULL print takes a key away) into `records`."""
        return (
            f"DELETE FROM {records} WHERE record_id IN (SELECT record_id FROM {incoming})",  # noqa: S608
            f"INSERT INTO {records} SELECT record_id, print FROM {incoming} WHERE print IS NOT NULL",  # noqa: S608
        )

    def text_sql(self, expression: str) -> str:
        """Return the expression as text."""
        return f"CAST({expression} AS {self.text_type})"

    def all_rows_sql(self, query: str, key_column: str, columns: Sequence[ColumnType]) -> str:
        """Return every row of the query: `columns`, and its key and print; nothing is compared."""
        names = ", ".join(self.quote(column.name) for column in columns)
        return (
            f"SELECT {names}, {self.text_sql(self.quote(key_column))} AS {self.quote(KEY)}, "  # noqa: S608
            f"{self.print_sql(columns)} AS {self.quote(PRINT)}, FALSE AS {self.quote(IS_KNOWN)}, "
            f"FALSE AS {self.quote(IS_GONE)} FROM ({query}\n) AS model_rows"
        )

    def changed_rows_sql(self, query: str, key_column: str, columns: Sequence[ColumnType], records: str) -> str:
        """Return the rows whose print is not the acknowledged one, every row that shares its key with another or has
        none, and for each acknowledged key that the query no longer returns a row of that key alone.
        """
        key = self.quote(KEY)
        now = (
            f"SELECT keyed.*, count(*) OVER (PARTITION BY {key}) AS same "  # noqa: S608 - quoted names
            f"FROM ({self._printed_sql(query, key_column, columns)}) AS keyed"
        )
        return self._joined_sql(now, columns, records, "now.same > 1 OR ")

    def counted_rows_sql(self, query: str, key_column: str, columns: Sequence[ColumnType], records: str) -> str | None:
        """Return a statement that may be cheaper because it looks for no keys that are shared; None: there is none.

        It gives the same rows but for those that share their key with another and have its acknowledged print, with a
        column `TOTAL`, which is null; and one row more whose `TOTAL` is how many rows the query has, which tells
        whether any are missing.
        """
        return None

    def differs_sql(self, left: str, right: str) -> str:
        """Return the condition that two prints differ."""
        return f"{left} <> {right}"

    def settle_sql(self, table: str) -> tuple[str, ...]:
        """Return the statements that make the engine look at a table of keys and prints that was just filled."""
        return ()

    def _printed_sql(self, query: str, key_column: str, columns: Sequence[ColumnType]) -> str:
        names = ", ".join(self.quote(column.name) for column in columns)
        return (
            f"SELECT {names}, {self.text_sql(self.quote(key_column))} AS {self.quote(KEY)}, "  # noqa: S608
            f"{self.print_sql(columns)} AS {self.quote(PRINT)} FROM ({query}\n) AS model_rows"
        )

    def _joined_sql(self, now: str, columns: Sequence[ColumnType], records: str, shared: str = "") -> str:
        names = ", ".join(f"now.{self.quote(column.name)}" for column in columns)
        key, print_ = self.quote(KEY), self.quote(PRINT)
        return (
            f"SELECT {names}, coalesce(now.{key}, known.record_id) AS {key}, now.{print_} AS {print_}, "  # noqa: S608
            f"known.record_id IS NOT NULL AS {self.quote(IS_KNOWN)}, "
            f"now.{key} IS NULL AND known.record_id IS NOT NULL AS {self.quote(IS_GONE)} "
            f"FROM ({now}) AS now FULL JOIN {records} AS known ON known.record_id = now.{key} "
            f"WHERE now.{key} IS NULL OR {shared}known.record_id IS NULL "
            f"OR {self.differs_sql('known.print', f'now.{print_}')}"
        )
