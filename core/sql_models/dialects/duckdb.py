"""DuckDB's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import MAX_SAFE_INTEGER
from core.sql_models.dialects.dialect import SqlModelDialect
from core.warehouses.definition import ColumnType, Kind

SHOWN_CHARS = 200
SAMPLES = 5
_NOT_ORDERED = (Kind.BYTES, Kind.JSON, Kind.OTHER)


class DuckDbDialect(SqlModelDialect):
    """SQL models on the embedded warehouse."""

    def quote(self, name: str) -> str:
        """Return `name` in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one pass over all rows; distinct counts are exact."""
        parts = ["count(*) AS rows"]
        for index, column in enumerate(columns):
            name = self.quote(column.name)
            text = self._text(column)
            bounds = ("NULL", "NULL") if column.kind in _NOT_ORDERED else (f"min({name})", f"max({name})")
            parts += [
                f"count({name}) AS filled_{index}",
                f"count(DISTINCT {text}) AS distinct_{index}",
                f"max(length({text})) AS longest_chars_{index}",
                f"left(arg_max({text}, length({text})), {SHOWN_CHARS}) AS longest_{index}",
                f"left(CAST({bounds[0]} AS VARCHAR), {SHOWN_CHARS}) AS minimum_{index}",
                f"left(CAST({bounds[1]} AS VARCHAR), {SHOWN_CHARS}) AS maximum_{index}",
                f"[left(value, {SHOWN_CHARS}) FOR value IN approx_top_k({text}, {SAMPLES})] AS sample_{index}",
            ]
        return f"SELECT {', '.join(parts)} FROM ({query}) AS model_rows"  # noqa: S608 - guarded query, quoted names

    def key_counts_sql(self, query: str, key_column: str) -> str:
        """Return the counts of one grouping by key."""
        key = f"CAST({self.quote(key_column)} AS VARCHAR)"
        return (
            f"WITH keys AS (SELECT CASE WHEN trim({key}) = '' THEN NULL ELSE {key} END AS key, count(*) AS rows "  # noqa: S608
            f"FROM ({query}) AS model_rows GROUP BY 1) "
            "SELECT coalesce(sum(rows), 0) AS rows, count(key) AS distinct_keys, "
            "coalesce(sum(rows) FILTER (WHERE key IS NULL), 0) AS nulls, "
            "count(*) FILTER (WHERE key IS NOT NULL AND rows > 1) AS duplicate_keys, "
            "coalesce(sum(rows) FILTER (WHERE key IS NOT NULL AND rows > 1), 0) AS duplicate_rows FROM keys"
        )

    def duplicate_rows_sql(self, query: str, key_column: str, limit: int) -> str:
        """Return the rows whose key occurs more than once, by key."""
        key = f"CAST({self.quote(key_column)} AS VARCHAR)"
        return (
            f"SELECT * FROM ({query}) AS model_rows WHERE trim({key}) <> '' "  # noqa: S608
            f"QUALIFY count(*) OVER (PARTITION BY {key}) > 1 ORDER BY {key} LIMIT {limit}"
        )

    def where_sql(self, query: str, condition: str, limit: int) -> str:
        """Return up to `limit` rows for which the condition holds."""
        return f"SELECT * FROM ({query}) AS model_rows WHERE {condition} LIMIT {limit}"  # noqa: S608

    def longest_sql(self, query: str, columns: Sequence[ColumnType], limit: int) -> str:
        """Return the rows by the length of their longest value."""
        sizes = ", ".join(f"coalesce(length({self._text(column)}), 0)" for column in columns)
        return f"SELECT * FROM ({query}) AS model_rows ORDER BY greatest({sizes}) DESC LIMIT {limit}"  # noqa: S608

    def is_blank(self, column: str) -> str:
        """Return NULL-or-blank for the column as text."""
        return f"coalesce(trim(CAST({self.quote(column)} AS VARCHAR)), '') = ''"

    def is_not_ascii(self, column: str) -> str:
        """Return a byte count that differs from the character count."""
        text = f"CAST({self.quote(column)} AS VARCHAR)"  # a UUID and an ENUM are texts too
        return f"strlen({text}) <> length({text})"

    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return numbers beyond 2**53, and dates before 1900 or more than a year ahead."""
        name = self.quote(column.name)
        if column.kind in (Kind.INTEGER, Kind.DECIMAL):
            return f"CAST({name} AS HUGEINT) NOT BETWEEN -{MAX_SAFE_INTEGER} AND {MAX_SAFE_INTEGER}"
        if column.kind is Kind.FLOAT:
            return f"NOT isfinite({name})"
        if column.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            day = f"CAST({name} AS DATE)"
            return f"({day} < DATE '1900-01-01' OR {day} > current_date + INTERVAL 1 YEAR)"
        return None

    def _text(self, column: ColumnType) -> str:
        name = self.quote(column.name)
        return f"base64({name})" if column.kind is Kind.BYTES else f"CAST({name} AS VARCHAR)"
