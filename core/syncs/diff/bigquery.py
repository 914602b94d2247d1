"""BigQuery's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect
from core.warehouses.state_session import STATE_SCHEMA


class BigQueryDiff(DiffDialect):
    """A row as JSON is unambiguous: NULL is null, the empty text is two quotes."""

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

    def print_sql(self, columns: Sequence[str]) -> str:
        """Return the MD5 of the values as a JSON array; a name plays no part in it."""
        values = ", ".join(f"{self.quote(name)} AS c{number}" for number, name in enumerate(columns))
        return f"to_hex(md5(to_json_string(STRUCT({values}))))"
