"""Snowflake's numbers and texts of errors, made from DuckDB's, which fakesnow passes on."""

from __future__ import annotations

import re

import sqlglot

_NO_TABLE = re.compile(r"(Table|View|Schema) with name (\S+) does not exist")
_NO_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
_NO_COLUMN = re.compile(r'column "(.+?)" not found')
_NO_CAST = re.compile(r"Could not convert string '(.*?)' to INT")
_NEAR = re.compile(r'at or near "(.+?)"')
_VERBS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "SHOW", "DESCRIBE", "(")
_COMPILATION = "SQL compilation error:\n"


def count_statements(sql: str) -> int:
    """Return how many statements a text holds; 1 where it cannot be read."""
    try:
        return sum(each is not None for each in sqlglot.parse(sql, read="snowflake"))
    except sqlglot.errors.SqlglotError:
        return 1


def rewrite(code: str, message: str, sql: str) -> tuple[str, str, str]:
    """Return Snowflake's code, SQLSTATE and text for an answer of fakesnow."""
    if found := _NO_FUNCTION.search(message):
        return "002140", "42601", f"{_COMPILATION}Unknown function {found[1].upper()}."
    if found := _NO_TABLE.search(message):
        kind = "Schema" if found[1] == "Schema" else "Object"
        return "002003", "42S02", f"{_COMPILATION}{kind} '{found[2]}' does not exist or not authorized."
    if found := _NO_COLUMN.search(message):
        line, position = _find(sql, found[1])
        text = f"SQL compilation error: error line {line} at position {position}\ninvalid identifier '{found[1]}'"
        return "000904", "42000", text
    if found := _NO_CAST.search(message):
        return "100038", "22018", f"Numeric value '{found[1]}' is not recognized"
    if code in ("001003", "002043"):
        return "001003", "42000", f"{_COMPILATION}syntax error {_describe_syntax(message, sql)}"
    return code, "", message


def _describe_syntax(message: str, sql: str) -> str:
    first = re.match(r"\w*", sql.strip())
    near = _NEAR.search(message)
    if first is not None and not sql.strip().upper().startswith(_VERBS):
        word = first[0]
    else:
        word = near[1] if near else "<EOF>"
    line, position = _find(sql, word)
    return f"line {line} at position {position} unexpected '{word}'."


def _find(sql: str, word: str) -> tuple[int, int]:
    found = re.search(rf"(?<!\w){re.escape(word)}", sql, re.IGNORECASE)
    before = sql[: found.start()] if found else sql
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
