"""A SQL text as tokens with places, and the same text without its comments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from core.errors import SqlSyntaxError

_WORD = re.compile(r"[^\W\d][\w$#]*")
_NUMBER = re.compile(r"[\d.][\w.]*")
_SYMBOL = re.compile(r"[-+*/%<>=!~^&|?:;.,()\[\]{}@#]+")
# 'a''b' or "a": on one line, and no backslash before a quote, so that every engine ends it at the same place, whether
# it takes a backslash for an escape or not. A letter in front is a prefix such as in r'\d', E'\n', b'x'.
_QUOTED = re.compile(r"""(?:[A-Za-z]{1,2})?(?:'(?:[^'\\\r\n]|''|\\[^'\r\n])*'|"(?:[^"\\\r\n]|""|\\[^"\r\n])*")""")
_BACKTICKS = re.compile(r"`[^`\\\r\n]+`")
_OPENED = re.compile(r"Missing (\S+) from (\d+):(\d+)")


def tokenize(sql: str, dialect: str) -> list[Token]:
    """Return the tokens, without comments.

    Raises:
        SqlSyntaxError: A quote or a comment is not closed.
    """
    try:
        return list(Dialect.get_or_raise(dialect).tokenize(sql))
    except SqlglotError as error:
        raise _unclosed(sql, error) from error


def locate(sql: str, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of the character at `offset`."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def is_plain(sql: str, tokens: Sequence[Token], dialect: str) -> bool:
    """Return whether every engine cuts this text into the same tokens as we did.

    Not plain: strings over several lines, with a backslash before a quote, in triple or dollar quotes; hints.
    """
    return all(_is_plain_token(sql[token.start : token.end + 1], token, dialect) for token in tokens)


def blank_comments(sql: str, tokens: Sequence[Token]) -> str:
    """Return the text with everything between its tokens turned into blanks; lines and columns stay."""
    parts: list[str] = []
    done = 0
    for token in tokens:
        parts += (_blank(sql[done : token.start]), sql[token.start : token.end + 1])
        done = token.end + 1
    return "".join(parts)


def _blank(gap: str) -> str:
    return re.sub(r"[^\n]", " ", gap)


def _is_plain_token(text: str, token: Token, dialect: str) -> bool:
    if token.token_type in (TokenType.HINT, TokenType.BLOCK_START, TokenType.BLOCK_END):
        return False
    if text[:1] == "`":
        return dialect == "bigquery" and _BACKTICKS.fullmatch(text) is not None
    if "'" in text or '"' in text:
        # BigQuery opens a longer string with three quotes, and does not double quotes inside of one
        doubled = dialect == "bigquery" and ("''" in text[:-1] or '""' in text[:-1]) and len(text) > 2
        return not doubled and _QUOTED.fullmatch(text) is not None
    return any(pattern.fullmatch(text) for pattern in (_WORD, _NUMBER, _SYMBOL)) or _is_words(text)


def _is_words(text: str) -> bool:
    # GROUP BY, IS NOT and the like are one token; only blanks may stand between the words
    return all(_WORD.fullmatch(word) for word in re.split(r"[ \t\n]+", text))


def _unclosed(sql: str, error: SqlglotError) -> SqlSyntaxError:
    found = _OPENED.search(str(error.__cause__ or error))
    if found is None:
        at = sql.rfind("/*")
        place = locate(sql, at) if at >= 0 else (sql.count("\n") + 1, 1)
        what = "the comment /* is not closed" if at >= 0 else "the text cannot be read"
    else:
        what = f"the quote {found[1]} is not closed"
        place = int(found[2]), int(found[3]) + 1
    return syntax_error(what, *place, hint="Close it, then preview again.")


def syntax_error(what: str, line: int, column: int, *, hint: str, code: str | None = None) -> SqlSyntaxError:
    """Return the error for a text that cannot be read, at its place."""
    return SqlSyntaxError(
        f"Line {line}, column {column}: {what}.", code=code, hint=hint, context={"line": line, "column": column}
    )
