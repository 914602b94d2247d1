"""One query and nothing else: asked of the text before any of it is sent.

BigQuery has no read-only session, and what it is told to dry-run it must first be told. So a text that is not one
query by its words is refused here, and one that is not by BigQuery's own reading is refused by `jobs`.
"""

from __future__ import annotations

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from core.errors import NotReadOnly, SqlSyntaxError

_QUERY_WORDS = ("SELECT", "WITH", "FROM", "(")
_STATEMENT_WORDS = frozenset(
    (
        *("ALTER", "ASSERT", "BEGIN", "CALL", "CLONE", "COMMIT", "COPY", "CREATE", "DECLARE", "DELETE", "DROP"),
        *("EXECUTE", "EXPORT", "FOR", "GRANT", "IF", "INSERT", "LOAD", "LOOP", "MERGE", "RAISE", "REPEAT", "REVOKE"),
        *("ROLLBACK", "SET", "TRUNCATE", "UNDROP", "UPDATE", "WHILE"),
    )
)
_KEEP_ONE = "Write one SELECT (or WITH … SELECT)."


def check_one_query(sql: str) -> None:
    """Refuse a text that is not one query by its words.

    Raises:
        NotReadOnly: It is another statement, or several.
        SqlSyntaxError: It is nothing that BigQuery knows.
    """
    try:
        tokens = Dialect.get_or_raise("bigquery").tokenize(sql)
    except TokenError as error:
        raise SqlSyntaxError("The SQL cannot be read.", hint="Close every quote and bracket.") from error
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise NotReadOnly("The text holds no query.", code="not_a_query", hint=_KEEP_ONE)
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise NotReadOnly(
            "The text holds more than one statement.",
            code="two_statements",
            hint="Keep one SELECT; remove the others and their `;`.",
        )
    word = tokens[0].text.partition(" ")[0]
    if word.upper() in _STATEMENT_WORDS:
        raise NotReadOnly(f"{word.upper()} is not a query that reads.", code="not_a_query", hint=_KEEP_ONE)
    if word.upper() not in _QUERY_WORDS:
        line = sql.count("\n", 0, tokens[0].start) + 1
        column = tokens[0].start - (sql.rfind("\n", 0, tokens[0].start) + 1) + 1
        raise SqlSyntaxError(
            f"Line {line}, column {column}: {word[:40]!r} begins no query.",
            hint=_KEEP_ONE,
            context={"line": line, "column": column},
        )
