"""What a text says in the words of another warehouse's SQL: told by name before the engine stumbles over it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from core.sql_models.sql_text import locate, syntax_error

NAMES = {
    "bigquery": "BigQuery",
    "duckdb": "DuckDB",
    "postgres": "Postgres",
    "redshift": "Redshift",
    "snowflake": "Snowflake",
}


def check_signs(sql: str, tokens: Sequence[Token], dialect: str) -> None:
    """Refuse signs that this warehouse's SQL does not have.

    Raises:
        SqlSyntaxError: Backticks outside BigQuery, or `::` in it; the message names the dialect of this warehouse.
    """
    for token in tokens:
        if dialect != "bigquery" and token.text == "`" and token.token_type is TokenType.UNKNOWN:
            _refuse("backticks around a name are BigQuery's SQL", 'Write "name" or name instead.', sql, token, dialect)
        if dialect == "bigquery" and token.token_type is TokenType.DCOLON:
            _refuse("a cast with :: is another SQL", "Write CAST(value AS STRING) instead.", sql, token, dialect)


def check_clauses(root: exp.Expr, sql: str, tokens: Sequence[Token], dialect: str) -> None:
    """Refuse clauses that this warehouse's SQL does not have.

    Raises:
        SqlSyntaxError: QUALIFY on Postgres; the message names the dialect of this warehouse.
    """
    if dialect == "postgres" and root.find(exp.Qualify):
        token = next(each for each in tokens if each.token_type is TokenType.QUALIFY)
        hint = "Put the window function into a subquery, and its condition into a WHERE around it."
        _refuse("QUALIFY is another SQL", hint, sql, token, dialect)


def _refuse(what: str, hint: str, sql: str, token: Token, dialect: str) -> None:
    line, column = locate(sql, token.start)
    raise syntax_error(f"{what}; this warehouse speaks {NAMES[dialect]}", line, column, hint=hint)
