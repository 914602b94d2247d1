"""What Redshift's catalog says. Its views run on the leader node alone and cannot be joined: one small query a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.warehouses.definition import ColumnInfo, TableInfo
from core.warehouses.redshift.types import kind_of_name
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.wire.names import literal

_OURS = f"table_schema NOT IN ('information_schema', 'pg_catalog', 'pg_internal', 'pg_automv', '{STATE_SCHEMA}')"

_CLASSES = "pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v')"

SCHEMAS = f"SELECT DISTINCT table_schema FROM svv_tables WHERE {_OURS}"  # noqa: S608 - constants of ours
CLOSED_SCHEMAS = f"""
SELECT DISTINCT n.nspname FROM {_CLASSES}
WHERE left(n.nspname, 3) <> 'pg_' AND n.nspname NOT IN ('information_schema', '{STATE_SCHEMA}')"""  # noqa: S608
"""Of the tables that everybody may know of; the views of the catalog leave out what a login may not read."""
HAS_STATE_SCHEMA = f"SELECT 1 AS n FROM pg_namespace WHERE nspname = '{STATE_SCHEMA}'"  # noqa: S608
ROW_COUNTS = 'SELECT "schema", "table", tbl_rows FROM svv_table_info'
"""Only logins that were granted it may read this view; without it no table has an estimate."""

Rows = Sequence[Sequence[Any]]


def names_sql(schema: str) -> str:
    """Return the query for the tables of one schema."""
    return f"SELECT table_name FROM svv_tables WHERE {_only(schema)}"  # noqa: S608


def rights_sql(schema: str) -> str:
    """Return the query for whether a schema with tables may be used; no row where it has none."""
    return (
        f"SELECT DISTINCT has_schema_privilege(n.nspname, 'USAGE') AS may_use FROM {_CLASSES} "  # noqa: S608
        f"WHERE n.nspname = {literal(schema)}"
    )


def tables_sql(schema: str | None, name: str | None = None) -> str:
    """Return the query for tables and their comments."""
    return f"SELECT table_schema, table_name, remarks FROM svv_tables WHERE {_only(schema, name)}"  # noqa: S608


def columns_sql(schema: str | None, name: str | None = None) -> str:
    """Return the query for columns, those of a table in their order."""
    return (
        "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, "  # noqa: S608
        f"numeric_scale, is_nullable, remarks FROM svv_columns WHERE {_only(schema, name)} "
        "ORDER BY table_schema, table_name, ordinal_position"
    )


def read_tables(tables: Rows, columns: Rows, counts: Rows) -> list[TableInfo]:
    """Return the tables by schema and name, in the order of their characters."""
    rows = {(schema, table): int(count) for schema, table, count in counts if count is not None}
    found: dict[tuple[str, str], list[ColumnInfo]] = {}
    for schema, table, name, data_type, length, precision, scale, nullable, remark in columns:
        text = _write_type(str(data_type), length, precision, scale)
        column = ColumnInfo(name, text, kind_of_name(text), str(nullable).upper() != "NO", remark or None)
        found.setdefault((schema, table), []).append(column)
    return sorted(
        (
            TableInfo(schema, name, tuple(found.get((schema, name), ())), rows.get((schema, name)), remark or None)
            for schema, name, remark in tables
        ),
        key=lambda table: (table.schema, table.name),
    )


def _only(schema: str | None, name: str | None = None) -> str:
    only = _OURS if schema is None else f"{_OURS} AND table_schema = {literal(schema)}"
    return only if name is None else f"{only} AND table_name = {literal(name)}"


def _write_type(name: str, length: object, precision: object, scale: object) -> str:
    if name in ("numeric", "decimal") and precision is not None:
        return f"numeric({precision},{scale or 0})"
    return f"{name}({length})" if length is not None and "char" in name else name
