"""Postgres's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import MAX_SAFE_INTEGER
from core.sql_models.dialects.dialect import SqlModelDialect
from core.warehouses.definition import ColumnType, Kind

SHOWN_CHARS = 200
SAMPLES = 5
SAMPLED_ROWS = 10_000
_NOT_ORDERED = (Kind.BYTES, Kind.JSON, Kind.OTHER)


class PostgresDialect(SqlModelDialect):
    """SQL models on Postgres. The query stands in a WITH that is used more than once, so that it runs once."""

    bytewise = ' COLLATE "C"'
    text_type = "text"

    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one pass over all rows; distinct counts are exact, samples are of the first rows."""
        parts = ["count(*) AS rows"]
        for index, column in enumerate(columns):
            text = self.text_sql(column)
            lowest, highest = self._bounds(column)
            length = f"lpad(CAST(length({text}) AS varchar(10)), 10, '0')"
            parts += [
                f"count({self.quote(column.name)}) AS filled_{index}",
                f"count(DISTINCT {text}) AS distinct_{index}",
                f"max(length({text})) AS longest_chars_{index}",
                # The longest value is the greatest of "length, then its beginning": nothing has to be kept or sorted
                f"substring(max(({length} || left({text}, {SHOWN_CHARS})){self.bytewise}), 11, {SHOWN_CHARS}) "
                f"AS longest_{index}",
                f"left({lowest}, {SHOWN_CHARS}) AS minimum_{index}",
                f"left({highest}, {SHOWN_CHARS}) AS maximum_{index}",
                f"({self._sample_sql(text)}) AS sample_{index}",
            ]
        return f"WITH model_rows AS ({query}\n) SELECT {', '.join(parts)} FROM model_rows"  # noqa: S608

    def key_counts_sql(self, query: str, key_column: str) -> str:
        """Return the counts of one grouping by key."""
        key = self.cast_sql(key_column)
        return (
            f"WITH keys AS (SELECT CASE WHEN trim({key}) = '' THEN NULL ELSE {key} END AS key, count(*) AS n "  # noqa: S608
            f"FROM ({query}\n) AS model_rows GROUP BY 1) "
            "SELECT CAST(coalesce(sum(n), 0) AS bigint) AS rows, count(key) AS distinct_keys, "
            "CAST(coalesce(sum(CASE WHEN key IS NULL THEN n END), 0) AS bigint) AS nulls, "
            "count(CASE WHEN key IS NOT NULL AND n > 1 THEN 1 END) AS duplicate_keys, "
            "CAST(coalesce(sum(CASE WHEN key IS NOT NULL AND n > 1 THEN n END), 0) AS bigint) AS duplicate_rows "
            "FROM keys"
        )

    def duplicate_rows_sql(self, query: str, key_column: str, limit: int) -> str:
        """Return the rows whose key occurs more than once, by key."""
        key = self.cast_sql(key_column)
        return (
            f"WITH model_rows AS ({query}\n) SELECT * FROM model_rows WHERE {key} IN "  # noqa: S608
            f"(SELECT {key} FROM model_rows WHERE trim({key}) <> '' GROUP BY 1 HAVING count(*) > 1) "
            f"ORDER BY {key} LIMIT {limit}"
        )

    def is_not_ascii(self, column: str) -> str:
        """Return a byte count that differs from the character count."""
        text = self.cast_sql(column)
        return f"octet_length({text}) <> length({text})"

    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return numbers beyond 2**53, and dates before 1900 or more than a year ahead."""
        name = self.quote(column.name)
        if column.kind in (Kind.INTEGER, Kind.DECIMAL):
            return f"{name} NOT BETWEEN -{MAX_SAFE_INTEGER} AND {MAX_SAFE_INTEGER}"
        if column.kind is Kind.FLOAT:
            return f"CAST({name} AS {self.text_type}) IN ('NaN', 'Infinity', '-Infinity')"
        if column.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            return f"({name} < DATE '1900-01-01' OR {name} > current_date + 366)"
        return None

    def text_sql(self, column: ColumnType) -> str:
        """Return the column as text."""
        name = self.quote(column.name)
        return f"encode({name}, 'base64')" if column.kind is Kind.BYTES else f"CAST({name} AS {self.text_type})"

    def _bounds(self, column: ColumnType) -> tuple[str, str]:
        if column.kind in _NOT_ORDERED:
            return "NULL", "NULL"
        name = self.quote(column.name)
        if column.kind is Kind.BOOLEAN:  # neither engine has min() and max() of booleans
            return f"CASE WHEN bool_and({name}) THEN 'true' ELSE 'false' END", (
                f"CASE WHEN bool_or({name}) THEN 'true' ELSE 'false' END"
            )
        value = f"{self.text_sql(column)}{self.bytewise}" if column.kind is Kind.TEXT else name
        return f"CAST(min({value}) AS {self.text_type})", f"CAST(max({value}) AS {self.text_type})"

    def _sample_sql(self, text: str) -> str:
        return (
            f"SELECT json_agg(left(value, {SHOWN_CHARS})) FROM (SELECT value FROM (SELECT {text} AS value "  # noqa: S608
            f"FROM model_rows LIMIT {SAMPLED_ROWS}) AS first_rows WHERE value IS NOT NULL "
            f"GROUP BY value ORDER BY count(*) DESC, value LIMIT {SAMPLES}) AS most_frequent"
        )
