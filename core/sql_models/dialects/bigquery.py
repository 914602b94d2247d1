"""BigQuery's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import MAX_SAFE_INTEGER
from core.sql_models.dialects.dialect import SqlModelDialect
from core.warehouses.definition import ColumnType, Kind

SHOWN_CHARS = 200
SAMPLES = 5
_NOT_ORDERED = (Kind.BYTES, Kind.JSON, Kind.OTHER)


class BigQueryDialect(SqlModelDialect):
    """SQL models on BigQuery. `rows` is a reserved word there and stands in backticks."""

    text_type = "STRING"

    def quote(self, name: str) -> str:
        """Return `name` in backticks."""
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def profile_sql(self, query: str, columns: Sequence[ColumnType]) -> str:
        """Return one pass over all rows; distinct counts are exact."""
        parts = ["COUNT(*) AS `rows`"]
        for index, column in enumerate(columns):
            name, text = self.quote(column.name), self.text_sql(column)
            bounds = ("NULL", "NULL") if column.kind in _NOT_ORDERED else (f"MIN({name})", f"MAX({name})")
            shown = f"IF({name} IS NULL, NULL, TO_JSON_STRING(SUBSTR({text}, 1, {SHOWN_CHARS})))"
            parts += [
                f"COUNT({name}) AS filled_{index}",
                f"COUNT(DISTINCT {text}) AS distinct_{index}",
                f"MAX(CHAR_LENGTH({text})) AS longest_chars_{index}",
                f"SUBSTR(MAX_BY({text}, CHAR_LENGTH({text})), 1, {SHOWN_CHARS}) AS longest_{index}",
                f"SUBSTR(CAST({bounds[0]} AS STRING), 1, {SHOWN_CHARS}) AS minimum_{index}",
                f"SUBSTR(CAST({bounds[1]} AS STRING), 1, {SHOWN_CHARS}) AS maximum_{index}",
                f"CONCAT('[', IFNULL(STRING_AGG(DISTINCT {shown}, ',' LIMIT {SAMPLES}), ''), ']') AS sample_{index}",
            ]
        return f"SELECT {', '.join(parts)} FROM ({query}) AS model_rows"  # noqa: S608 - guarded query, quoted names

    def key_counts_sql(self, query: str, key_column: str) -> str:
        """Return the counts of one grouping by key."""
        key = self.cast_sql(key_column)
        return (
            f"WITH keyed AS (SELECT IF(TRIM({key}) = '', NULL, {key}) AS record_key FROM ({query}) AS model_rows), "  # noqa: S608
            "counted AS (SELECT record_key, COUNT(*) AS n FROM keyed GROUP BY record_key) "
            "SELECT COALESCE(SUM(n), 0) AS `rows`, COUNT(record_key) AS distinct_keys, "
            "COALESCE(SUM(IF(record_key IS NULL, n, 0)), 0) AS nulls, "
            "COUNTIF(record_key IS NOT NULL AND n > 1) AS duplicate_keys, "
            "COALESCE(SUM(IF(record_key IS NOT NULL AND n > 1, n, 0)), 0) AS duplicate_rows FROM counted"
        )

    def is_not_ascii(self, column: str) -> str:
        """Return a byte count that differs from the character count."""
        return f"BYTE_LENGTH({self.quote(column)}) <> CHAR_LENGTH({self.quote(column)})"

    def is_out_of_range(self, column: ColumnType) -> str | None:
        """Return numbers beyond 2**53, and dates before 1900 or more than a year ahead."""
        name = self.quote(column.name)
        if column.kind in (Kind.INTEGER, Kind.DECIMAL):
            return f"{name} NOT BETWEEN -{MAX_SAFE_INTEGER} AND {MAX_SAFE_INTEGER}"
        if column.kind is Kind.FLOAT:
            return f"(IS_NAN({name}) OR IS_INF({name}))"
        if column.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            day = f"CAST({name} AS DATE)"
            return f"({day} < DATE '1900-01-01' OR {day} > DATE_ADD(CURRENT_DATE(), INTERVAL 1 YEAR))"
        return None

    def text_sql(self, column: ColumnType) -> str:
        """Return the column as text."""
        name = self.quote(column.name)
        if column.kind is Kind.BYTES:
            return f"TO_BASE64({name})"
        if column.kind is Kind.JSON:
            return f"IF({name} IS NULL, NULL, TO_JSON_STRING({name}))"  # else it is the text null
        return f"ST_ASTEXT({name})" if column.type == "GEOGRAPHY" else f"CAST({name} AS STRING)"
