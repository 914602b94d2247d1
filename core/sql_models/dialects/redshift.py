"""Redshift's words: those of Postgres, where the two agree."""

from __future__ import annotations

from core.sql_models.dialects.postgres import SAMPLED_ROWS, SAMPLES, SHOWN_CHARS, PostgresDialect
from core.warehouses.definition import ColumnType, Kind

_ESCAPES = ((92, "chr(92) || chr(92)"), (34, "chr(92) || chr(34)"), (10, "chr(92) || 'n'"), (13, "' '"), (9, "' '"))


class RedshiftDialect(PostgresDialect):
    """SQL models on Redshift, which has no JSON aggregates, no collations in expressions and no booleans as text."""

    bytewise = ""
    text_type = "varchar(65535)"

    def text_sql(self, column: ColumnType) -> str:
        """Return the column as text."""
        name = self.quote(column.name)
        match column.kind:
            case Kind.BYTES:
                return f"from_varbyte({name}, 'hex')"
            case Kind.BOOLEAN:
                return f"CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END"
            case Kind.JSON:
                return f"json_serialize({name})"
        return super().text_sql(column)

    def _sample_sql(self, text: str) -> str:
        value = f"left(value, {SHOWN_CHARS})"
        for code, written in _ESCAPES:
            value = f"replace({value}, chr({code}), {written})"
        joined = f"'[' || listagg('\"' || {value} || '\"', ',') || ']'"
        return (
            f"SELECT {joined} FROM (SELECT value FROM (SELECT {text} AS value FROM model_rows LIMIT {SAMPLED_ROWS}) "  # noqa: S608
            "AS first_rows WHERE value IS NOT NULL "
            f"GROUP BY value ORDER BY count(*) DESC, value LIMIT {SAMPLES}) AS most_frequent"
        )
