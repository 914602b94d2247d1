"""The parsed form of a query, node by node: only known ones, and tables that are tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from core.errors import NotReadOnly
from core.sql_models.known_nodes import DENIED_FUNCTIONS, PARAMETERS, WRITES, get_known_nodes
from core.sql_models.pure_functions import get_functions, reads_files
from core.sql_models.sql_text import locate

_PATH_CHARACTERS = re.compile(r"[/\\:@?*\x00-\x1f]")
_FILE_NAME = re.compile(
    r"\.(arrow|avro|bz2|csv|db|duckdb|geojson|gz|json|jsonl|ndjson|orc|parquet|sqlite|tsv|txt|xlsx?|zst)$",
    re.IGNORECASE,
)
# What the functions of `@table` become; the anonymous ones are looked up by name
_ROW_MAKERS = (exp.GenerateSeries, exp.ExplodingGenerateSeries, exp.Explode, exp.Flatten, exp.Unnest, exp.JSONTable)
_MORE_ROW_MAKERS = (exp.Generator, exp.SplitToTable)
_TABLE_HINT = "Name a table or a view of the warehouse."


def check_nodes(root: exp.Expr, sql: str, dialect: str) -> None:
    """Refuse a tree that holds anything but what a read-only query is made of.

    Raises:
        NotReadOnly: The first node that is not allowed, with its place.
    """
    known = get_known_nodes()
    for node in root.walk():
        name = type(node).__name__
        if name in WRITES:
            raise _refuse(
                "writes", f"{_spell(name)} changes something; a SQL model only reads", node, sql, "Remove it."
            )
        if isinstance(node, exp.Lock):
            raise _refuse("locks_rows", "FOR UPDATE and FOR SHARE lock rows", node, sql, "Remove it.")
        if name in PARAMETERS:
            what = f"{node.sql(dialect=dialect)} is a parameter, and nothing gives it a value"
            raise _refuse("parameter", what, node, sql, "Write the value itself.")
        if isinstance(node, exp.Table | exp.TableFromRows | exp.Lateral):
            _check_source(node, sql, dialect)
        if name in DENIED_FUNCTIONS:
            _raise_function(node, sql)
        if name not in known:
            raise _refuse("syntax_not_allowed", f"{_spell(name)} is not known to only read", node, sql, "Remove it.")
        if isinstance(node, exp.Anonymous):
            _check_anonymous(node, sql, dialect)
        if dialect == "snowflake" and isinstance(node, exp.Column) and node.name.lower() in ("nextval", "currval"):
            what = f"{node.name} moves a sequence on"
            raise _refuse("function_not_allowed", what, node, sql, "Leave it out; use a column as the key.")


def list_tables(root: exp.Expr) -> tuple[str, ...]:
    """Return the tables that the query names, in order, each once, without its own CTEs."""
    names: dict[str, None] = {}
    for table in root.find_all(exp.Table, bfs=False):
        if isinstance(table.this, exp.Identifier) and (table.db or table.name.lower() not in _visible_ctes(table)):
            names[".".join(part.name for part in table.parts)] = None
    return tuple(names)


def _visible_ctes(table: exp.Expr) -> set[str]:
    names: set[str] = set()
    child, parent = table, table.parent
    while parent is not None:
        if isinstance(parent, exp.With):
            # A CTE sees those before it, and itself only when recursive: WITH orders AS (SELECT * FROM orders)
            earlier = parent.expressions if parent.args.get("recursive") else parent.expressions[: child.index or 0]
            names.update(cte.alias.lower() for cte in earlier)
        elif not isinstance(child, exp.With):
            names.update(_names_of_with(parent))
        child, parent = parent, parent.parent
    return names


def _names_of_with(node: exp.Expr) -> Iterator[str]:
    own = node.args.get("with_")
    if own is not None:
        yield from (cte.alias.lower() for cte in own.expressions)


def _check_source(node: exp.Expr, sql: str, dialect: str) -> None:
    source = node.this
    if isinstance(source, exp.Identifier):
        _check_name(source, node, sql, dialect)
    elif isinstance(source, exp.Anonymous):
        name = source.name.lower()
        if name not in get_functions(dialect).from_clause:
            code = "file_access" if reads_files(name) else "table_function"
            raise _refuse(code, f"{name}() stands in place of a table", source, sql, _TABLE_HINT)
    elif isinstance(source, exp.ReadCSV | exp.ReadParquet):
        raise _refuse("file_access", "this reads a file", source, sql, _TABLE_HINT)
    elif not isinstance(source, (*_ROW_MAKERS, *_MORE_ROW_MAKERS, exp.Subquery, exp.Values)):
        is_stage = isinstance(source, exp.Var) and source.name.startswith("@")
        what = f"{source.sql(dialect=dialect)[:60]} stands in place of a table"
        raise _refuse("file_access" if is_stage else "table_function", what, node, sql, _TABLE_HINT)


def _check_name(source: exp.Identifier, node: exp.Expr, sql: str, dialect: str) -> None:
    name = source.name
    if dialect == "bigquery":
        name = name.removesuffix("*")  # events_* is a set of tables
    start = source.meta.get("start")
    is_string = isinstance(start, int) and sql[start : start + 1] == "'"
    if is_string or _PATH_CHARACTERS.search(name) or _FILE_NAME.search(name):
        raise _refuse("file_access", f"{source.name!r} names a file, not a table", node, sql, _TABLE_HINT)


def _check_anonymous(node: exp.Anonymous, sql: str, dialect: str) -> None:
    functions = get_functions(dialect)
    name = node.name.lower()
    if isinstance(node.parent, exp.Dot):
        return  # dotted names are judged as a whole, by what the text says
    if name not in functions.everywhere and name not in functions.from_clause:
        _raise_function(node, sql)


def _raise_function(node: exp.Expr, sql: str) -> None:
    name = node.name if isinstance(node, exp.Anonymous) else ""
    name = (name or (node.sql_name() if isinstance(node, exp.Func) else type(node).__name__)).lower()
    code = "file_access" if reads_files(name) else "function_not_allowed"
    hint = "Use another function, or do this step in a view of the warehouse."
    raise _refuse(code, f"the function {name}() is not known to only read and compute", node, sql, hint)


def _refuse(code: str, what: str, node: exp.Expr, sql: str, hint: str) -> NotReadOnly:
    start = next((item.meta["start"] for item in node.walk() if "start" in item.meta), None)
    if start is None and node.parent is not None:
        start = next((item.meta["start"] for item in node.parent.walk() if "start" in item.meta), None)
    if start is None:
        return NotReadOnly(f"{what[0].upper()}{what[1:]}.", code=code, hint=hint)
    line, column = locate(sql, start)
    return NotReadOnly(
        f"Line {line}, column {column}: {what}.", code=code, hint=hint, context={"line": line, "column": column}
    )


def _spell(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper()
