"""The guard: a SQL model is one read-only query, by its parsed form.

Strict on purpose: what is not known to be harmless is refused by name. The read-only session of the warehouse is the
second lock, and a least-privilege role the real boundary; neither replaces the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from core.errors import NotReadOnly, SqlSyntaxError
from core.sql_models.limits import MAX_SQL_CHARS
from core.sql_models.pure_functions import DENIED_NODES, PURE_FUNCTIONS, VOLATILE_NODES

_WRITING_NODES = (
    "Insert",
    "Update",
    "Delete",
    "Merge",
    "Create",
    "Drop",
    "Alter",
    "TruncateTable",
    "Command",
    "Copy",
    "Set",
    "Use",
    "Transaction",
    "Commit",
    "Rollback",
    "Grant",
    "Revoke",
    "Into",
    "Attach",
    "Detach",
    "Pragma",
    "LoadData",
    "Kill",
    "Cache",
    "Uncache",
    "Analyze",
    "Describe",
    "Export",
    "Execute",
    "Install",
    "Declare",
    "Show",
    "Comment",
)
_WRITES = tuple(getattr(exp, name) for name in _WRITING_NODES if hasattr(exp, name))
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class GuardedQuery:
    """A query that may be sent.

    `sql` is the text to send: the parsed form written out again, so that comments, hints and whatever the parser did
    not see are gone. `tables` are those it names, without its own CTEs; `warnings` are sentences.
    """

    sql: str
    tables: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def check_query(sql: str, dialect: str) -> GuardedQuery:
    """Return the query in the form to send.

    Args:
        sql: What a person typed.
        dialect: SQLGlot's name of the warehouse's dialect.

    Raises:
        SqlSyntaxError: It is empty, too long or does not parse; the message gives line and column.
        NotReadOnly: It is more than one read-only query; `code` names the rule.
    """
    root = _parse(sql, dialect)
    ctes = {cte.alias_or_name.casefold() for cte in root.find_all(exp.CTE)}
    for node in root.walk():
        _check_node(node, dialect, sql)
    tables = dict.fromkeys(
        ".".join(part.name for part in table.parts)
        for table in root.find_all(exp.Table)
        if table.db or table.name.casefold() not in ctes
    )
    volatile = sorted({type(node).__name__ for node in root.walk() if type(node).__name__ in VOLATILE_NODES})
    warnings = tuple(f"{VOLATILE_NODES[name]}" for name in volatile)
    return GuardedQuery(root.sql(dialect=dialect, comments=False), tuple(tables), warnings)


def _parse(sql: str, dialect: str) -> exp.Expr:
    if len(sql) > MAX_SQL_CHARS:
        raise SqlSyntaxError(
            f"The SQL has {len(sql):,} characters; the limit is {MAX_SQL_CHARS:,}.",
            code="sql_too_long",
            hint="Shorten it, or move a part of it into a view.",
        )
    if "\x00" in sql:
        raise SqlSyntaxError("The SQL holds a NUL character.", hint="Remove it; it usually comes from a paste.")
    try:
        statements = [item for item in sqlglot.parse(sql, dialect=dialect) if not _is_empty(item)]
    except ParseError as error:
        raise _syntax_error(error) from error
    except (TokenError, SqlglotError) as error:
        raise SqlSyntaxError(
            "The SQL cannot be read: a quote or a comment is not closed.", hint="Close it, then preview again."
        ) from error
    except RecursionError as error:
        raise SqlSyntaxError("The SQL is nested too deeply.", hint="Split it with WITH, or use a view.") from error
    if not statements:
        raise SqlSyntaxError("There is no SQL yet.", code="sql_empty", hint="Write one SELECT query.")
    if len(statements) > 1:
        raise NotReadOnly(
            f"The text holds {len(statements)} statements; a SQL model is exactly one query.",
            code="two_statements",
            hint="Keep one SELECT and remove everything after its semicolon.",
        )
    root = statements[0]
    assert root is not None  # noqa: S101 - _is_empty has removed None
    if not isinstance(root, exp.Query):
        raise NotReadOnly(
            f"The text is a {type(root).__name__.upper()} statement, not a query.",
            code="not_a_query",
            hint="Start with SELECT or WITH.",
        )
    return root


def _is_empty(statement: exp.Expr | None) -> bool:
    return statement is None or isinstance(statement, exp.Semicolon)


def _check_node(node: exp.Expr, dialect: str, sql: str) -> None:
    name = type(node).__name__
    if isinstance(node, _WRITES):
        raise _refusal("writes", f"{name.upper()} changes data or settings", node, sql, "Use SELECT only.")
    if isinstance(node, exp.Lock):
        raise _refusal("locks_rows", "FOR UPDATE or FOR SHARE locks rows", node, sql, "Remove it.")
    if isinstance(node, exp.Table):
        _check_table(node, dialect, sql)
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        function = node.name.lower()
        if function not in PURE_FUNCTIONS[dialect] and function not in PURE_FUNCTIONS["any"]:
            raise _function(function, node, sql)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
        raise _function(node.sql(dialect=dialect).split("(")[0], node, sql)
    if name in DENIED_NODES:
        raise _function(node.sql_name() if isinstance(node, exp.Func) else name, node, sql)
    if isinstance(node, exp.Column) and node.name.lower() in ("nextval", "currval"):
        raise _function(node.name, node, sql)
    if isinstance(node, exp.Parameter | exp.Placeholder | exp.SessionParameter):
        raise _refusal("parameter", "Parameters and session variables are not filled in", node, sql, "Write the value.")


def _check_table(table: exp.Table, dialect: str, sql: str) -> None:
    source = table.this
    if isinstance(source, exp.Identifier):
        if any(character in source.name for character in "/\\:@*?") or re.search(
            r"\.(csv|tsv|json|jsonl|ndjson|parquet|gz|zst|xlsx|db|duckdb|txt)$", source.name, re.IGNORECASE
        ):
            raise _refusal("file_access", f"{source.name!r} is a file", table, sql, "Name a table of the warehouse.")
        return
    function = source.name if isinstance(source, exp.Anonymous) else type(source).__name__
    allowed = {"unnest", "generate_series", "range", "generateseries", "flatten", "explode"}
    if function.lower() in allowed and not isinstance(source, exp.Table):
        return
    if any(word in function.lower() for word in ("read", "scan", "glob", "sniff")):
        raise _refusal("file_access", f"{function} reads files", table, sql, "Name a table of the warehouse.")
    raise _refusal("table_function", f"{function} is not a table", table, sql, "Name a table of the warehouse.")


def _function(name: str, node: exp.Expr, sql: str) -> NotReadOnly:
    word = name.lower()
    reads_files = any(part in word for part in ("read_", "readcsv", "readparquet", "glob"))
    code = "file_access" if reads_files else "function_not_allowed"
    return _refusal(
        code,
        f"The function {word} is not known to be free of side effects",
        node,
        sql,
        "Use another function, or do this step in a view of the warehouse.",
    )


def _refusal(code: str, what: str, node: exp.Expr, sql: str, hint: str) -> NotReadOnly:
    line, column = _locate(node)
    where = f" (line {line}, column {column})" if line else ""
    return NotReadOnly(f"{what}{where}.", code=code, hint=hint, context={"line": line, "column": column})


def _locate(node: exp.Expr) -> tuple[int | None, int | None]:
    for item in node.walk():
        if "line" in item.meta:
            return int(item.meta["line"]), int(item.meta["col"])
    return None, None


def _syntax_error(error: ParseError) -> SqlSyntaxError:
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line"), first.get("col")
    near = str(first.get("highlight") or "").strip()
    text = _ANSI.sub("", str(first.get("description") or "")).rstrip(".")
    if not text or "<class" in text:
        text = "The SQL is not complete"
    where = f" at line {line}, column {column}" if line else ""
    return SqlSyntaxError(
        f"{text}{where}{f', near {near[:40]!r}' if near else ''}.",
        hint="Correct the SQL there, then preview again.",
        context={"line": line, "column": column},
    )
