"""BigQuery's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect
from core.warehouses.definition import ColumnType
from core.warehouses.state_session import STATE_SCHEMA


class BigQueryDiff(DiffDialect):
    """A row as JSON is unambiguous: NULL is null, the empty text is two quotes, numbers have all their digits."""

    text_type = "STRING"

    def quote(self, name: str) -> str:
        """Return `name` in backticks."""
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def name_table(self, name: str) -> str:
        """Return the dataset and the table in backticks: their names begin with underscores."""
        return f"`{STATE_SCHEMA}`.`{name}`"

    def create_schema_sql(self) -> str:
        """Return the statement that makes our dataset where there is none."""
        return f"CREATE SCHEMA IF NOT EXISTS `{STATE_SCHEMA}`"

    def text_sql(self, expression: str) -> str:
        """Return the expression as text without the collation that its column may have."""
        return f"collate(CAST({expression} AS STRING), '')"

    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return the MD5 of the values as a JSON object; a name plays no part in it."""
        values = ", ".join(f"{self.quote(column.name)} AS c{number}" for number, column in enumerate(columns))
        return f"to_hex(md5(to_json_string(STRUCT({values}))))"

    def can_print(self, column: ColumnType) -> bool:
        """Say no to places on the earth, also inside of arrays and structures: they have no JSON."""
        return "GEOGRAPHY" not in column.type
