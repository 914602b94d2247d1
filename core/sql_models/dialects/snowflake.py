"""Snowflake's words. Names are quoted throughout: what is not quoted comes back in upper case."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import MAX_SAFE_INTEGER
from core.sql_models.dialects.dialect import SqlModelDialect
from core.warehouses.definition import ColumnType, Kind

SHOWN_CHARS = 200
_NOT_ORDERED = (Kind.BYTES, Kind.JSON, Kind.OTHER)
_SHAPES = ("GEOGRAPHY", "GEOMETRY")


class SnowflakeDialect(SqlModelDialect):
    """SQL models on Snowflake."""

    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one pass over all rows; counts are exact, the sample is the extremes and what is frequent."""
        parts = ['count(*) AS "rows"']
        for index, column in enumerate(columns):
            name, text = self.quote(column.name), self.text_sql(column)
            short = f"left({text}, {SHOWN_CHARS})"
            bounds = ("NULL", "NULL") if column.kind in _NOT_ORDERED else (f"min({name})", f"max({name})")
            parts += [
                f'count({name}) AS "filled_{index}"',
                f'count(DISTINCT {text}) AS "distinct_{index}"',
                f'max(length({text})) AS "longest_chars_{index}"',
                f'left(max_by({text}, length({text})), {SHOWN_CHARS}) AS "longest_{index}"',
                f'left(CAST({bounds[0]} AS VARCHAR), {SHOWN_CHARS}) AS "minimum_{index}"',
                f'left(CAST({bounds[1]} AS VARCHAR), {SHOWN_CHARS}) AS "maximum_{index}"',
                f"array_construct_compact(mode({short}), nullif(min({short}), mode({short})), "
                f'nullif(max({short}), mode({short}))) AS "sample_{index}"',
            ]
        return f"SELECT {', '.join(parts)} FROM ({query}) AS model_rows"  # noqa: S608 - guarded query, quoted names

    def key_counts_sql(self, query: str, key_column: str) -> str:
        """Return the counts of one grouping by key."""
        key = self.cast_sql(key_column)
        return (
            f"WITH keys AS (SELECT CASE WHEN trim({key}) = '' THEN NULL ELSE {key} END AS k, count(*) AS n "  # noqa: S608
            f"FROM ({query}) AS model_rows GROUP BY 1) "
            'SELECT coalesce(sum(n), 0) AS "rows", count(k) AS "distinct_keys", '
            'coalesce(sum(iff(k IS NULL, n, 0)), 0) AS "nulls", '
            'count_if(k IS NOT NULL AND n > 1) AS "duplicate_keys", '
            'coalesce(sum(iff(k IS NOT NULL AND n > 1, n, 0)), 0) AS "duplicate_rows" FROM keys'
        )

    def is_not_ascii(self, column: str) -> str:
        """Return a byte count that differs from the character count."""
        return f"length(to_binary({self.quote(column)}, 'UTF-8')) <> length({self.quote(column)})"

    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return numbers beyond 2**53, and dates before 1900 or more than a year ahead."""
        name = self.quote(column.name)
        if column.kind in (Kind.INTEGER, Kind.DECIMAL):
            return f"abs({name}) > {MAX_SAFE_INTEGER}"
        if column.kind is Kind.FLOAT:
            return f"{name} IN ('NaN'::FLOAT, 'inf'::FLOAT, '-inf'::FLOAT)"
        if column.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            day = f"CAST({name} AS DATE)"
            return f"({day} < '1900-01-01'::DATE OR {day} > dateadd(year, 1, current_date))"
        return None

    def text_sql(self, column: ColumnType) -> str:
        """Return the column as text."""
        name = self.quote(column.name)
        if column.kind is Kind.BYTES:
            return f"base64_encode({name})"
        return f"st_aswkt({name})" if column.type in _SHAPES else f"CAST({name} AS VARCHAR)"
