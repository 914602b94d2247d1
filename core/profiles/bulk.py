"""Many rows in one statement, in the fastest form of each store: the builder's only SQL dialect differences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, Connection, Integer, Row, Table

_Values = tuple[object, ...]


def upsert_rows(connection: Connection, table: Table, rows: Sequence[_Values]) -> None:
    """Insert `rows` (values in the order of the table's columns), replacing those with the same primary key."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    columns = [column.name for column in table.columns]
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    target = f"INSERT INTO {table.name} ({', '.join(columns)})"
    conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"{target} VALUES ({marks}) {conflict}", list(rows))
        return
    # one statement with an array a column: a statement a row is ten times slower on Postgres
    arrays = ", ".join(f"%s::{_array_type(column.type)}" for column in table.columns)
    by_column = tuple([row[place] for row in rows] for place in range(len(columns)))
    connection.exec_driver_sql(f"{target} SELECT * FROM unnest({arrays}) {conflict}", by_column)  # noqa: S608


def select_in(
    connection: Connection,
    columns: Sequence[Column[Any]],
    fixed: Mapping[str, object],
    column: str,
    values: Collection[object],
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return `columns` of their table's rows whose columns equal `fixed` and whose `column` is one of `values`."""
    if not values:
        return []
    table = columns[0].table.name
    names = ", ".join(f"t.{each.name}" for each in columns)
    if connection.dialect.name == "sqlite":
        equal = " AND ".join(f"t.{name} = ?" for name in fixed)
        # CROSS JOIN keeps this order: each wanted value is looked up, the table is not read through
        sql = f"SELECT {names} FROM json_each(?) AS j CROSS JOIN {table} AS t ON {equal} AND t.{column} = j.value"  # noqa: S608
        parameters: _Values = (orjson.dumps(list(values)).decode(), *fixed.values())
    else:
        equal = " AND ".join(f"t.{name} = %s" for name in fixed)
        sql = f"SELECT {names} FROM {table} AS t WHERE {equal} AND t.{column} = ANY(%s)"  # noqa: S608
        parameters = (*fixed.values(), list(values))
    return connection.exec_driver_sql(sql, parameters).all()


def delete_in(
    connection: Connection, table: Table, fixed: Mapping[str, object], column: str, values: Collection[object]
) -> None:
    """Delete the rows of `table` whose columns equal `fixed` and whose `column` is one of `values`."""
    if not values:
        return
    if connection.dialect.name == "sqlite":
        equal = " AND ".join(f"{name} = ?" for name in fixed)
        sql = f"DELETE FROM {table.name} WHERE {equal} AND {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
        parameters: _Values = (*fixed.values(), orjson.dumps(list(values)).decode())
    else:
        equal = " AND ".join(f"{name} = %s" for name in fixed)
        sql = f"DELETE FROM {table.name} WHERE {equal} AND {column} = ANY(%s)"  # noqa: S608
        parameters = (*fixed.values(), list(values))
    connection.exec_driver_sql(sql, parameters)


def _array_type(type_: object) -> str:
    return "bigint[]" if isinstance(type_, BigInteger | Integer) else "text[]"
