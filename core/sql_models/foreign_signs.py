"""Runs of tokens that one warehouse's SQL has and another's cannot have, with what to write there instead.

Only what is certain stands here: no query of a dialect in `hints` can hold such a run; nothing that works is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

_ALL = ("bigquery", "duckdb", "postgres", "redshift", "snowflake")
_NOT_BIGQUERY = ("duckdb", "postgres", "redshift", "snowflake")
_ENDS = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.NAME, TokenType.R_PAREN, TokenType.R_BRACKET)
_NO_NAMES = ("AS", "FROM", "OVER", "SELECT", "TABLE", "VALUES", "WITH")


@dataclass(frozen=True, slots=True)
class Sign:
    """A run of tokens, where it is not known, and what to write there.

    `pattern` has words and symbols between blanks, `|` for "or", `^` before the one to point at, and in `<>`: name, end
    (of a value), number, string, adjacent (string without a blank before it), lettered (string with letters), quoted
    (string in double quotes), other (anything but DISTINCT). `what` continues "Line 1, column 2: ".
    """

    pattern: str
    what: str
    hints: Mapping[str, str]

    @property
    def parts(self) -> list[tuple[str, ...]]:
        """The choices of each token of the run."""
        return [tuple(part.removeprefix("^").split("|")) for part in self.pattern.split()]

    @property
    def at(self) -> int:
        """The number of the token to point at."""
        return next((number for number, part in enumerate(self.pattern.split()) if part.startswith("^")), 0)


def _in(dialects: Sequence[str], hint: str) -> dict[str, str]:
    return dict.fromkeys(dialects, hint)


def _without(hints: Mapping[str, str], *dialects: str) -> dict[str, str]:
    return {dialect: hint for dialect, hint in hints.items() if dialect not in dialects}


_MATCH = {
    **_in(("postgres", "redshift"), "Write name ~ 'pattern' instead."),
    "bigquery": "Write REGEXP_CONTAINS(name, r'pattern') instead.",
    "duckdb": "Write REGEXP_MATCHES(name, 'pattern') instead.",
    "snowflake": "Write REGEXP_INSTR(name, 'pattern') > 0 instead.",
}
_KEY = {
    "bigquery": "Write JSON_VALUE(document, '$.key') instead.",
    "postgres": "Write document ->> 'key' instead.",
    "redshift": "Write JSON_EXTRACT_PATH_TEXT(document, 'key') instead.",
    "snowflake": "Write document:key::VARCHAR instead.",
}
_NAME = {"bigquery": "Write `name` or name instead.", **_in(_NOT_BIGQUERY, 'Write "name" or name instead.')}
_ITEM = {
    **_in(("duckdb", "postgres"), "Write list[1] instead; the first is 1."),
    **_in(("redshift", "snowflake"), "Write list[0] instead; the first is 0."),
}
_ALL_BUT = {
    **_in(("bigquery", "duckdb"), "Write * EXCEPT (name) instead."),
    **_in(("redshift", "snowflake"), "Write * EXCLUDE (name) instead."),
    "postgres": "Name the columns that you want.",
}
_FIRST_OF_EACH = _in(
    ("bigquery", "redshift", "snowflake"),
    "End with QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY day) = 1 instead.",
)
_UNNEST = {
    **_in(("bigquery", "duckdb"), "Write UNNEST(list) instead."),
    "postgres": "Write JSONB_ARRAY_ELEMENTS(document) instead.",
    "redshift": "Write FROM people AS p, p.document AS item instead.",
}
_MINUS = {**_in(("duckdb", "postgres"), "Write EXCEPT instead."), "bigquery": "Write EXCEPT DISTINCT instead."}
_RAW = {
    **_in(("duckdb", "postgres", "redshift"), "Write the string without the r."),
    "snowflake": "Write the string without the r, and each backslash in it twice.",
}
_TOP = _in(("bigquery", "duckdb", "postgres"), "Write LIMIT 10 at the end instead.")
_LIMIT = _in(_ALL, "Write LIMIT 20 OFFSET 10 instead, for 20 rows after the first 10.")
_EQUALS = _in(("bigquery", "postgres", "redshift", "snowflake"), "Write = instead.")
_INTERVAL = _in(("postgres", "redshift", "snowflake"), "Write INTERVAL '1 day' instead.")
_BRACKETS = "square brackets around a name are SQL Server's SQL"
_QUOTES = "double quotes around a name are another SQL, and make a text here"

SIGNS = (
    Sign("`", "backticks around a name are BigQuery's SQL", _without(_NAME, "bigquery")),
    Sign("::", "a cast with :: is another SQL", {"bigquery": "Write CAST(name AS STRING) instead."}),
    Sign("SELECT|DISTINCT ^TOP <number>", "TOP is another SQL", _TOP),
    Sign("SELECT|DISTINCT ^TOP ( <number> ) <name>", "TOP is another SQL", _TOP),
    Sign("LIMIT <number> , <number>", "LIMIT with a comma is MySQL's SQL", _LIMIT),
    Sign(".|JOIN ^[", _BRACKETS, _NAME),
    Sign("<other> FROM ^[", _BRACKETS, _NAME),
    Sign("SELECT ^[", _BRACKETS, _without(_NAME, "bigquery", "duckdb", "snowflake")),
    Sign("WITH ( NOLOCK", "WITH (NOLOCK) is SQL Server's SQL", _in(_ALL, "Remove it.")),
    Sign("INTERVAL <number>", "INTERVAL without quotes is another SQL", _INTERVAL),
    Sign(
        "INTERVAL <lettered>",
        "INTERVAL with its unit inside the quotes is another SQL",
        {"bigquery": "Write INTERVAL 1 DAY instead."},
    ),
    Sign(".|AS|JOIN ^<quoted>", _QUOTES, _without(_NAME, *_NOT_BIGQUERY)),
    Sign("REGEXP|RLIKE <string>", "{} is another SQL", _without(_MATCH, "snowflake")),
    Sign("<end> ^~ <string>", "~ between two texts is another SQL", _without(_MATCH, "duckdb", "postgres", "redshift")),
    Sign("==", "== is another SQL", _EQUALS),
    Sign(
        "SELECT|,|. * ^EXCEPT ( <name> ,|)", "EXCEPT after * is another SQL", _without(_ALL_BUT, "bigquery", "duckdb")
    ),
    Sign(
        "SELECT|,|. * ^EXCLUDE (|<name>",
        "EXCLUDE is another SQL",
        _without(_ALL_BUT, "duckdb", "redshift", "snowflake"),
    ),
    Sign("<end> ^: <name>", "a colon after a name is another SQL", _without(_KEY, "snowflake")),
    Sign("->> <string>", "->> is another SQL", _without(_KEY, "postgres")),
    Sign("[ ^OFFSET|SAFE_OFFSET|ORDINAL|SAFE_ORDINAL (", "{} in brackets is BigQuery's SQL", _ITEM),
    Sign("MINUS SELECT", "MINUS is another SQL", _MINUS),
    Sign(", FROM", "a comma before FROM is another SQL", _in(("postgres", "redshift"), "Remove the comma.")),
    Sign("R <adjacent>", "r before a string is BigQuery's SQL", _RAW),
    Sign(
        "SELECT DISTINCT ^ON (",
        "DISTINCT ON is another SQL",
        _FIRST_OF_EACH,
    ),
    Sign("UNNEST (", "UNNEST is another SQL", {"snowflake": "Write LATERAL FLATTEN(INPUT => list) instead."}),
    Sign("FLATTEN ( INPUT =>", "FLATTEN of a document is Snowflake's SQL", _UNNEST),
)


def find_sign(sql: str, tokens: Sequence[Token], dialect: str) -> tuple[Sign, Token] | None:
    """Return the first run that this dialect does not have, and the token to point at."""
    words = {_spell(token) for token in tokens}
    runs = [(sign, sign.parts) for sign in SIGNS if dialect in sign.hints]
    runs = [(sign, parts) for sign, parts in runs if all(_may_occur(part, words) for part in parts)]
    at_home = _find_colons_at_home(tokens) if ":" in words else set()
    for index in range(len(tokens)):
        for sign, parts in runs:
            if _begins_with(tokens[index : index + len(parts)], parts, sql) and index + sign.at not in at_home:
                return sign, tokens[index + sign.at]
    return None


def _begins_with(tokens: Sequence[Token], parts: list[tuple[str, ...]], sql: str) -> bool:
    if len(tokens) < len(parts):
        return False
    return all(_is(part, token, sql) for part, token in zip(parts, tokens, strict=True))


def _spell(token: Token) -> str:
    is_text = token.token_type in (TokenType.STRING, TokenType.IDENTIFIER)
    return "" if is_text else token.text.upper()


def _may_occur(part: tuple[str, ...], words: set[str]) -> bool:
    return any(choice in words or (choice.startswith("<") and len(choice) > 2) for choice in part)


def _is(part: tuple[str, ...], token: Token, sql: str) -> bool:
    return any(_is_one(choice, token, sql) for choice in part)


def _is_one(choice: str, token: Token, sql: str) -> bool:
    kind = token.token_type
    match choice:
        case "<number>":
            return kind is TokenType.NUMBER
        case "<string>":
            return kind is TokenType.STRING
        case "<adjacent>":
            return kind is TokenType.STRING and sql[token.start - 1 : token.start].isalpha()
        case "<lettered>":
            return kind is TokenType.STRING and any(map(str.isalpha, token.text))
        case "<quoted>":
            return kind is TokenType.STRING and sql[token.start] == '"'
        case "<name>":
            is_word = _spell(token)[:1].replace("_", "A").isalpha()
            return kind is TokenType.IDENTIFIER or (is_word and _spell(token) not in _NO_NAMES)
        case "<end>":
            return kind in _ENDS
        case "<other>":
            return kind is not TokenType.DISTINCT
    return _spell(token) == choice


def _find_colons_at_home(tokens: Sequence[Token]) -> set[int]:
    """Return the places of colons in slices, items[1:n], and in Postgres's JSON_OBJECT(key : name)."""
    found: set[int] = set()
    opened: list[bool] = []
    for index, token in enumerate(tokens):
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            is_object = index > 0 and _spell(tokens[index - 1]).startswith("JSON_OBJECT")
            opened.append(token.token_type is TokenType.L_BRACKET or is_object)
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET) and opened:
            opened.pop()
        elif token.token_type is TokenType.COLON and any(opened):
            found.add(index)
    return found
