"""One statement on the wire: what may be sent as a query, and what goes with it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from core.errors import CoreError, NotReadOnly, QueryCancelled, QueryTimeout, SqlSyntaxError
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from core.warehouses.snowflake.connection import Connection, Cursor

_LEADING = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|//[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]*")
_OTHERS = """
ALTER BEGIN CALL COMMENT COMMIT COPY CREATE DECLARE DELETE DESC DESCRIBE DROP EXECUTE EXPLAIN GET GRANT INSERT LIST LS
MERGE PUT REMOVE REVOKE RM ROLLBACK SET SHOW START TRUNCATE UNDROP UNSET UPDATE USE VALUES"""
_OTHER_STATEMENTS = frozenset(_OTHERS.split())


def refuse_other_statements(sql: str) -> None:
    """Send nothing but queries: PUT and GET would touch this machine's files, and Snowflake has no read-only sessions.

    A second line behind the guard of `core.sql_models`, and no more than that.

    Raises:
        NotReadOnly: The text begins with another statement than SELECT or WITH.
        SqlSyntaxError: It begins with a word that begins no statement.
    """
    start = _LEADING.match(sql)
    position = start.end() if start else 0
    word = _WORD.match(sql, position)
    first = word[0] if word else ""
    if first.upper() in ("SELECT", "WITH"):
        return
    hint = "Write one SELECT (or WITH … SELECT)."
    if not first or first.upper() in _OTHER_STATEMENTS:
        raise NotReadOnly("The text is not a query that reads.", code="not_a_query", hint=hint)
    line, column = sql.count("\n", 0, position) + 1, position - sql.rfind("\n", 0, position)
    raise SqlSyntaxError(
        f'Line {line}, column {column}: no query begins with "{first}".',
        hint=hint,
        context={"line": line, "column": column},
    )


def write_parameters(timeout_s: float, tag: QueryTag | None, max_rows: int | None = None) -> dict[str, object]:
    """Return the parameters that go with one statement; none of them stays in the session."""
    parameters: dict[str, object] = {
        "STATEMENT_TIMEOUT_IN_SECONDS": max(1, math.ceil(timeout_s)),
        "QUERY_TAG": tag.text if tag else "onramp",
        "MULTI_STATEMENT_COUNT": 1,
    }
    if max_rows is not None:
        parameters["ROWS_PER_RESULTSET"] = max(1, max_rows)  # 0 would mean no limit
    return parameters


async def execute(
    connection: Connection, sql: str, parameters: Mapping[str, object], bindings: Sequence[object] | None = None
) -> Cursor:
    """Run one statement and return its cursor."""
    cursor = connection.cursor()
    for name, value in parameters.items():
        cursor.set_statement_parameter(name, value)
    await cursor.execute(sql, bindings)
    return cursor


def timed_out(timeout_s: float) -> CoreError:
    """Return the error of a statement that took longer than it may."""
    return QueryTimeout(
        f"The query took longer than {timeout_s:g} s and was stopped.",
        hint="Filter or aggregate more, or allow it more time.",
        context={"timeout_s": timeout_s},
    )


def cancelled(token: CancelToken) -> CoreError:
    """Return the error of a statement that somebody stopped."""
    return QueryCancelled(
        f"The query was stopped: {token.reason}", hint="Run it again when you like.", context={"reason": token.reason}
    )
