"""What a text says in the words of another warehouse's SQL: told by name before the engine stumbles over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlglot import exp
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from core.errors import QueryError, SqlSyntaxError
from core.sql_models.calls import Call
from core.sql_models.foreign_signs import find_sign
from core.sql_models.instead import find_replacement
from core.sql_models.sql_text import locate, syntax_error

NAMES = {
    "bigquery": "BigQuery",
    "duckdb": "DuckDB",
    "postgres": "Postgres",
    "redshift": "Redshift",
    "snowflake": "Snowflake",
}


def check_signs(sql: str, tokens: Sequence[Token], dialect: str) -> None:
    """Refuse runs of tokens that this warehouse's SQL does not have.

    Raises:
        SqlSyntaxError: Such as backticks outside BigQuery; the message names the dialect of this warehouse.
    """
    found = find_sign(sql, tokens, dialect)
    if found is not None:
        sign, token = found
        raise _refusal(sign.what.format(token.text.upper()), sign.hints[dialect], sql, token.start, dialect)


def check_clauses(root: exp.Expr, sql: str, tokens: Sequence[Token], dialect: str) -> None:
    """Refuse clauses that this warehouse's SQL does not have.

    Raises:
        SqlSyntaxError: Such as QUALIFY on Postgres; the message names the dialect of this warehouse.
    """
    if dialect == "postgres" and root.find(exp.Qualify):
        hint = "Put the window function into a subquery, and its condition into a WHERE around it."
        raise _refusal("QUALIFY is another SQL", hint, sql, _find(tokens, TokenType.QUALIFY), dialect)
    if dialect != "bigquery":
        return
    if root.find(exp.ILike):
        hint = "Write LOWER(name) LIKE 'a%' instead."
        raise _refusal("ILIKE is another SQL", hint, sql, _find(tokens, TokenType.ILIKE), dialect)
    if root.find(exp.Fetch):
        raise _refusal("FETCH is another SQL", "Write LIMIT 10 instead.", sql, _find(tokens, TokenType.FETCH), dialect)
    for offset in root.find_all(exp.Offset):
        if offset.parent is not None and not offset.parent.args.get("limit"):
            hint = "Write LIMIT 20 OFFSET 10 instead, for 20 rows after the first 10."
            raise _refusal("OFFSET without LIMIT is another SQL", hint, sql, _find(tokens, TokenType.OFFSET), dialect)
    for table in root.find_all(exp.Table):
        for part in table.parts:
            start = part.meta.get("start")
            if isinstance(start, int) and sql[start : start + 1] == '"':
                what = "double quotes around a name are another SQL, and make a text here"
                raise _refusal(what, "Write `name` or name instead.", sql, start, dialect)


def check_functions(calls: Iterable[Call], sql: str, dialect: str) -> None:
    """Refuse functions of another warehouse for which there is something here.

    Raises:
        SqlSyntaxError: The hint says what to write instead.
    """
    for call in calls:
        replacement = None if call.odd else find_replacement(call.name, dialect)
        if replacement is not None:
            what = f"{call.name.upper()}() is another SQL"
            raise _refusal(what, f"Write {replacement} instead.", sql, call.offset, dialect)


@contextmanager
def explaining_quotes(sql: str, dialect: str) -> Iterator[None]:
    """Add to the error of a column that does not exist, and stands in double quotes, how a text is written."""
    try:
        yield
    except QueryError as error:
        line, column = error.context.get("line"), error.context.get("column")
        if error.code == "unknown_column" and isinstance(line, int) and isinstance(column, int):
            rest = (sql.split("\n")[line - 1 :] or [""])[0][column - 1 :]
            text, closed, _ = rest[1:].partition('"')
            if dialect != "bigquery" and rest[:1] == '"' and closed:
                error.hint = f"If it is a text, write '{text}': double quotes are for names. {error.hint}".strip()
        raise


def _find(tokens: Sequence[Token], kind: TokenType) -> int:
    return next((token.start for token in tokens if token.token_type is kind), 0)


def _refusal(what: str, hint: str, sql: str, offset: int, dialect: str) -> SqlSyntaxError:
    line, column = locate(sql, offset)
    return syntax_error(f"{what}; this warehouse speaks {NAMES[dialect]}", line, column, hint=hint)
