"""What BigQuery finds wrong with a query: where it is, in words of ours, and what to do."""

from __future__ import annotations

import re

from core.errors import CoreError, QueryError, SqlSyntaxError
from core.warehouses.bigquery.grants import Login

_PLACE = re.compile(r"\s*(?:; failed to parse[^\[]*)?\bat \[(\d+):(\d+)\]")
_TAB_COLUMNS = 8  # BigQuery counts a tab up to the next multiple
_BAD_VALUES = re.compile(
    r"Bad \w+ value|Could not cast|Could not convert|Invalid (date|datetime|time|timestamp|NUMERIC|BIGNUMERIC|JSON)|"
    r"[Dd]ivision by zero|overflow|out of range|Scalar subquery produced|Failed to parse|JSON parsing|bounds",
)
_LOOK_UP = "Look it up in the table list."


def explain_sql(message: str, sql: str, login: Login) -> CoreError:
    """Return the error for what BigQuery said about `sql`, with line and column where they can be told."""
    text = _PLACE.sub("", message).strip().rstrip(".")
    error, name = _choose(text, login)
    place = _read_place(message, sql) or (_find_name(name, sql) if name else None)
    if place is not None:
        line, column = place
        error.message = f"Line {line}, column {column}: {error.message}"
        error.args = (error.message,)
        error.context |= {"line": line, "column": column}
    return error


def _choose(text: str, login: Login) -> tuple[QueryError, str]:
    """Return the error, and the name that its place can be found by."""
    if found := re.search(r"Unrecognized name: `?([^`;]+)`?(?:; Did you mean ([^?]+)\?)?", text):
        hint = f"Did you mean {found[2]}?" if found[2] else _LOOK_UP
        return SqlSyntaxError(f'there is no column "{found[1].strip()}".', code="unknown_column", hint=hint), ""
    if found := re.search(r"Name (\S+) not found inside (\S+)", text):
        told = f'there is no column "{found[1]}" in {found[2]}.'
        return SqlSyntaxError(told, code="unknown_column", hint=_LOOK_UP), ""
    if found := re.search(r"Function not found: ([\w.]+)(?:; Did you mean ([^?]+)\?)?", text):
        hint = f"Did you mean {found[2]}?" if found[2] else "Use a function of GoogleSQL."
        return SqlSyntaxError(f"there is no function {found[1]}().", code="unknown_function", hint=hint), ""
    if found := re.search(r'Table "([^"]+)" must be qualified with a dataset', text):
        told = f'the table "{found[1]}" is named without its dataset.'
        return SqlSyntaxError(told, code="unknown_table", hint=f"Write dataset.{found[1]}."), found[1]
    if found := re.search(r"Not found: Table (\S+)", text):
        name = re.split(r"[.:]", found[1])[-1]
        return SqlSyntaxError(f'there is no table "{name}".', code="unknown_table", hint=_LOOK_UP), name
    if found := re.search(r"Not found: Dataset (\S+)", text):
        name = re.split(r"[.:]", found[1])[-1]
        hint = f"Check its name, and that it lies in {login.location}, the data location of this warehouse."
        told = f'there is no dataset "{name}" in {login.location}.'
        return SqlSyntaxError(told, code="unknown_table", hint=hint), name
    if "different locations" in text:
        told = f"the query names datasets outside {login.location}, the data location of this warehouse."
        return SqlSyntaxError(told, code="wrong_location", hint="Query datasets of one location only."), ""
    if found := re.search(r"Duplicate column names in the result are not supported.*?: (.+)", text):
        told = f"two columns of the result have the name {found[1]}."
        return SqlSyntaxError(told, code="duplicate_columns", hint="Give each column a name of its own with AS."), ""
    if re.search(r"[Qq]uery parameter|[Pp]ositional parameter", text):
        told = "the query has a parameter, and nothing gives it a value."
        return SqlSyntaxError(told, code="parameter", hint="Write the value itself instead of @name or ?."), ""
    if _BAD_VALUES.search(text):
        hint = "Use SAFE_CAST or SAFE_DIVIDE to turn values that do not fit into NULL, or filter them out."
        return QueryError(f"{text}.", code="value_failed", hint=hint), ""
    return SqlSyntaxError(f"{text}.", hint="Correct the SQL there, in the dialect of BigQuery (GoogleSQL)."), ""


def _read_place(message: str, sql: str) -> tuple[int, int] | None:
    found = _PLACE.search(message)
    if found is None:
        return None
    line, shown = int(found[1]), int(found[2])
    lines = sql.splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    column = at = 1
    for character in text:
        if at >= shown:
            break
        at = (at - 1) // _TAB_COLUMNS * _TAB_COLUMNS + _TAB_COLUMNS + 1 if character == "\t" else at + 1
        column += 1
    return line, column + max(0, shown - at)


def _find_name(name: str, sql: str) -> tuple[int, int] | None:
    found = re.search(rf"(?<![\w`.-])(?:`?[\w-]+`?\.)*`?{re.escape(name)}(?!\w)", sql)
    if found is None:
        return None
    before = sql[: found.start()]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
