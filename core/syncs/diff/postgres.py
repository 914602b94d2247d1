"""Postgres's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import TOTAL, DiffDialect
from core.warehouses.definition import ColumnType
from core.warehouses.state_session import STATE_SCHEMA


class PostgresDiff(DiffDialect):
    """A row as text is unambiguous in Postgres: NULL is nothing, the empty text is two quotes."""

    text_type = "text"

    def quote(self, name: str) -> str:
        """Return `name` in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return the MD5 of the row as text."""
        return f"md5(ROW({', '.join(self.quote(column.name) for column in columns)})::text)"

    def text_sql(self, expression: str) -> str:
        """Return the expression as text that sorts by its bytes, which is several times faster than by a language."""
        return f'({expression})::text COLLATE "C"'

    def create_schema_sql(self) -> str:
        """Return a statement that needs no right to make schemas where ours was made before."""
        return (
            f"DO $$ BEGIN IF to_regnamespace('{STATE_SCHEMA}') IS NULL THEN CREATE SCHEMA {STATE_SCHEMA}; "
            "END IF; END $$"
        )

    def create_records_sql(self, table: str) -> str:
        """Return the table with keys that sort by their bytes, as `text_sql` does."""
        return f'CREATE TABLE IF NOT EXISTS {table} (record_id text COLLATE "C", print text)'

    def counted_rows_sql(self, query: str, key_column: str, columns: Sequence[ColumnType], records: str) -> str | None:
        """Return the join without a look at each key, which needs no sorting and is done by several processes."""
        changed = self._joined_sql(self._printed_sql(query, key_column, columns), columns, records)
        nothing = ", ".join(["NULL"] * (len(columns) + 2))
        return (
            f"SELECT changed.*, NULL::bigint AS {self.quote(TOTAL)} FROM ({changed}) AS changed "  # noqa: S608
            f"UNION ALL SELECT {nothing}, FALSE, FALSE, count(*) FROM ({query}\n) AS model_rows"
        )

    def differs_sql(self, left: str, right: str) -> str:
        """Return a condition that the planner expects to be rare: of `<>` it expects that nearly every row has it, and
        so many rows it will not let several processes work on.
        """
        return f"({left} = {right})::int = 0"

    def settle_sql(self, table: str) -> tuple[str, ...]:
        """Return what makes the planner know at once that no two keys are equal; else it would sort them."""
        return (f"ANALYZE {table}",)
