"""What Postgres's catalog says: schemas, tables, columns, comments, row estimates. One query, of what can be read."""

from __future__ import annotations

import json

from core.warehouses.definition import ColumnInfo, TableInfo
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.wire.names import literal
from core.warehouses.wire.types import kind_of

_SHOWN = f"""c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '{STATE_SCHEMA}')"""
_MAY_USE, _MAY_READ = "has_schema_privilege(n.oid, 'USAGE')", "has_any_column_privilege(c.oid, 'SELECT')"
_FROM = "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"

SCHEMAS = f"""
SELECT DISTINCT n.nspname {_FROM} WHERE {_SHOWN}"""

_TABLES = f"""
SELECT n.nspname, c.relname, CASE WHEN c.relkind <> 'v' AND c.reltuples >= 0 THEN c.reltuples::bigint END,
  pg_catalog.obj_description(c.oid, 'pg_class'),
  json_agg(json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
    coalesce(base.oid, t.oid)::bigint, coalesce(base.typtype, t.typtype), coalesce(base.typcategory, t.typcategory),
    NOT a.attnotnull, pg_catalog.col_description(c.oid, a.attnum)) ORDER BY a.attnum)
{_FROM}
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type base ON base.oid = t.typbasetype
WHERE {_SHOWN} AND {_MAY_USE} AND {_MAY_READ}"""


def names_sql(schema: str) -> str:
    """Return the query for the tables of one schema: name, whether the schema may be used, whether it may be read."""
    return f"SELECT c.relname, {_MAY_USE}, {_MAY_READ} {_FROM} WHERE {_SHOWN} AND n.nspname = {literal(schema)}"


def tables_sql(schema: str | None, name: str | None = None) -> str:
    """Return the query for the tables of one schema, or of all; or for one table."""
    only = "" if schema is None else f" AND n.nspname = {literal(schema)}"
    only += "" if name is None else f" AND c.relname = {literal(name)}"
    return f"{_TABLES}{only} GROUP BY 1, 2, 3, 4"


def read_tables(rows: list[list[str | None]]) -> list[TableInfo]:
    """Return the tables by schema and name, in the order of their characters."""
    return sorted((_read_table(row) for row in rows), key=lambda table: (table.schema, table.name))


def _read_table(row: list[str | None]) -> TableInfo:
    schema, name, estimate, comment, columns = row
    return TableInfo(
        schema or "",
        name or "",
        tuple(
            ColumnInfo(column, text, kind_of(oid, typtype, category), nullable, note)
            for column, text, oid, typtype, category, nullable, note in json.loads(columns or "[]")
        ),
        None if estimate is None else int(estimate),
        comment,
    )
