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

    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one pass over all rows; distinct counts are exact."""
        parts = ["count(*) AS rows"]
        for index, column in enumerate(columns):
            name = self.quote(column.name)
            text = self.text_sql(column)
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
        key = self.cast_sql(key_column)
        return (
            f"WITH keys AS (SELECT CASE WHEN trim({key}) = '' THEN NULL ELSE {key} END AS key, count(*) AS rows "  # noqa: S608
            f"FROM ({query}) AS model_rows GROUP BY 1) "
            "SELECT coalesce(sum(rows), 0) AS rows, count(key) AS distinct_keys, "
            "coalesce(sum(rows) FILTER (WHERE key IS NULL), 0) AS nulls, "
            "count(*) FILTER (WHERE key IS NOT NULL AND rows > 1) AS duplicate_keys, "
            "coalesce(sum(rows) FILTER (WHERE key IS NOT NULL AND rows > 1), 0) AS duplicate_rows FROM keys"
        )

    def is_not_ascii(self, column: str) -> str:
        """Return a byte count that differs from the character count."""
        text = self.cast_sql(column)  # a UUID and an ENUM are texts too
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

    def text_sql(self, column: ColumnType) -> str:
        """Return the column as text."""
        name = self.quote(column.name)
        return f"base64({name})" if column.kind is Kind.BYTES else f"CAST({name} AS VARCHAR)"
