"""Many rows in one statement, in the fastest form of each store: the builder's only SQL dialect differences.

Statements go to the driver as they are: what SQLAlchemy does around one takes ten times as long as a look-up in SQLite.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, cast

import orjson
from sqlalchemy import BigInteger, Column, Connection, Integer, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

_Values = tuple[object, ...]
_MAX_ROWS = 512


def upsert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[_Values],
    *,
    is_sum: bool = False,
    columns: tuple[str, ...] = (),
) -> None:
    """Insert `rows` (values as stored, in the order of the table's columns), replacing those with the same key.

    With `is_sum` the columns beside the key are numbers that are added to what is there. `columns` are the only ones
    that may differ from what is there, where that is known: indexes of the others are left alone.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        # many rows in a statement: a third less work than a statement a row, and no fight for Python's lock in between
        for piece in cut_rows(rows):
            execute_raw(connection, _write_upsert(table, len(piece), is_sum, columns), list(chain.from_iterable(piece)))
    else:
        execute_raw(connection, _write_list_upsert(table, is_sum, columns), _to_lists(rows))


def cut_rows(rows: Sequence[_Values]) -> Iterator[Sequence[_Values]]:
    """Cut rows into pieces for one statement of SQLite each, of a power of two: few statements are ever prepared."""
    done = 0
    while done < len(rows):
        size = min(_MAX_ROWS, 1 << (len(rows) - done).bit_length() - 1)
        yield rows[done : done + size]
        done += size


def insert_row(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert one row of `values`, as stored; the store numbers it where its key is not among them."""
    marks = ", ".join([_mark(connection)] * len(values))
    sql = f"INSERT INTO {table.name} ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
    execute_raw(connection, sql, tuple(values.values()))


def update_any(
    connection: Connection, key: Column[Any], values: Mapping[str, object], rows: Iterable[Mapping[str, object]]
) -> list[Any]:
    """Set `values`, as stored, on those rows of a table whose columns equal one of `rows`; return their `key`."""
    changed = ", ".join(f"{name} = {_mark(connection)}" for name in values)
    conditions = [_write_equal(connection, row) for row in rows]
    if not conditions:
        return []
    where = " OR ".join(f"({condition})" for condition, _ in conditions)
    sql = f"UPDATE {key.table.name} SET {changed} WHERE {where} RETURNING {key.name}"  # noqa: S608
    parameters = (*values.values(), *chain.from_iterable(wanted for _, wanted in conditions))
    return [found for (found,) in execute_raw(connection, sql, parameters).fetchall()]


def select_equal(connection: Connection, columns: Sequence[Column[Any]], fixed: Mapping[str, object]) -> Sequence[Any]:
    """Return `columns`, as stored, of their table's rows whose columns equal `fixed`: named tuples."""
    return _name(columns, execute_raw(connection, *_write_select(connection, columns, fixed)).fetchall())


def read_document(stored: Any) -> Any:
    """Return a document as it is read here: a text in SQLite, the value itself from Postgres."""
    return orjson.loads(stored) if isinstance(stored, str) else stored


def stream_equal(
    connection: Connection, columns: Sequence[Column[Any]], fixed: Mapping[str, object], size: int
) -> Iterator[Sequence[_Values]]:
    """Yield the same rows, plain tuples, `size` at a time; no more of them are held in memory."""
    name = {} if connection.dialect.name == "sqlite" else {"name": "stream"}  # Postgres: a cursor on the server
    cursor = execute_raw(connection, *_write_select(connection, columns, fixed), **name)
    while rows := cursor.fetchmany(size):
        yield rows
    cursor.close()


def select_in(
    connection: Connection,
    columns: Sequence[Column[Any]],
    fixed: Mapping[str, object],
    column: str,
    values: Collection[object],
) -> Sequence[Any]:
    """Return `columns`, as stored, of their table's rows whose columns equal `fixed` and whose `column` is in `values`.

    Rows are named tuples. A tuple in `fixed` stands for any of its values.
    """
    return _name(columns, select_rows_in(connection, columns, fixed, column, values))


def select_rows_in(
    connection: Connection,
    columns: Sequence[Column[Any]],
    fixed: Mapping[str, object],
    column: str,
    values: Collection[object],
) -> Sequence[_Values]:
    """Return what `select_in` does as plain tuples, which takes two thirds of the time."""
    if not values:
        return []
    wanted = {**{name: value for name, value in fixed.items() if isinstance(value, tuple)}, column: values}
    equal = {name: value for name, value in fixed.items() if name not in wanted}
    sql = _write_select_in(connection.dialect.name, tuple(columns), tuple(equal), tuple(wanted))
    parameters = (*map(_to_list, wanted.values()), *equal.values())
    found: Sequence[_Values] = execute_raw(connection, sql, parameters).fetchall()
    return found


def join_in(
    connection: Connection,
    columns: Sequence[Column[Any]],
    fixed: Mapping[str, object],
    column: str,
    values: Collection[object],
) -> Sequence[str]:
    """Return the columns of the same rows, each as one text of its values with commas between them; one order for all.

    So no row comes to Python by itself. None of the values may have a comma in it; without a row nothing is returned.
    """
    if not values:
        return ()
    sql = _write_select_in(connection.dialect.name, tuple(columns), tuple(fixed), (column,), is_joined=True)
    return _read_joined(execute_raw(connection, sql, (_to_list(values), *fixed.values())))


def join_between(
    connection: Connection,
    columns: Sequence[Column[Any]],
    fixed: Mapping[str, object],
    column: str,
    first: int,
    last: int,
) -> Sequence[str]:
    """Return, as `join_in` does, the columns of the rows that `select_between` returns."""
    where, wanted = _write_equal(connection, fixed)
    names = ", ".join(_write_joined(connection.dialect.name, each.name) for each in columns)
    mark, table = _mark(connection), columns[0].table.name
    sql = f"SELECT {names} FROM {table} WHERE {where} AND {column} BETWEEN {mark} AND {mark}"  # noqa: S608
    return _read_joined(execute_raw(connection, sql, (*wanted, first, last)))


def select_between(
    connection: Connection, table: Table, fixed: Mapping[str, object], column: str, first: int, last: int
) -> Sequence[_Values]:
    """Return rows of `table`, as stored: their columns equal `fixed`, and their `column` is from `first` to `last`."""
    where, wanted = _write_equal(connection, fixed)
    names, mark = ", ".join(each.name for each in table.columns), _mark(connection)
    sql = f"SELECT {names} FROM {table.name} WHERE {where} AND {column} BETWEEN {mark} AND {mark}"  # noqa: S608
    found: Sequence[_Values] = execute_raw(connection, sql, (*wanted, first, last)).fetchall()
    return found


def select_among(
    connection: Connection, sql: str, wanted: Mapping[str, Collection[str]], values: Sequence[object]
) -> list[_Values]:
    """Return the rows, as stored, of `sql`, which goes on after a WITH that makes a table of what is wanted.

    That table, `wanted`, has a row of `name` and `value` for each of `wanted`. A `?` stands for each of `values`.
    """
    if connection.dialect.name == "sqlite":
        names = "SELECT n.key, v.value FROM json_each(?) AS n CROSS JOIN json_each(n.value) AS v"
        lists = [orjson.dumps({name: list(each) for name, each in wanted.items()}).decode()]
    else:
        names, sql = f"SELECT * FROM unnest({_LIST}, {_LIST})", sql.replace("?", "%s")  # noqa: S608 - a list of ours
        pairs = [(name, value) for name, each in wanted.items() for value in each]
        lists = [_to_list(name for name, _ in pairs), _to_list(value for _, value in pairs)]
    found = execute_raw(connection, f"WITH wanted (name, value) AS ({names}){sql}", (*lists, *values))
    return list(found.fetchall())


@lru_cache(maxsize=256)
def _write_select_in(
    dialect: str,
    columns: tuple[Column[Any], ...],
    equal: tuple[str, ...],
    wanted: tuple[str, ...],
    is_joined: bool = False,
) -> str:
    table = columns[0].table.name
    selected = [f"t.{each.name}" for each in columns]
    names = ", ".join([_write_joined(dialect, each) for each in selected] if is_joined else selected)
    if dialect == "sqlite":
        lists = "".join(f"json_each(?) AS each_{name} CROSS JOIN " for name in wanted)
        where = " AND ".join([f"t.{name} = each_{name}.value" for name in wanted] + [f"t.{name} = ?" for name in equal])
        # CROSS JOIN keeps this order: each wanted value is looked up, the table is not read through
        return f"SELECT {names} FROM {lists}{table} AS t ON {where}"  # noqa: S608
    listed = [f"t.{name} = ANY({_write_list(columns[0].table.columns[name])})" for name in wanted]
    where = " AND ".join(listed + [f"t.{name} = %s" for name in equal])
    return f"SELECT {names} FROM {table} AS t WHERE {where}"  # noqa: S608


def update_in(
    connection: Connection,
    column: Column[Any],
    fixed: Mapping[str, object],
    key: str,
    values: Sequence[tuple[object, object]],
) -> None:
    """Set `column` of its table's rows whose columns equal `fixed`: `values` are its values, as stored, by `key`."""
    if not values:
        return
    table, name = column.table.name, column.name
    equal = "".join(f" AND {each} = {_mark(connection)}" for each in fixed)
    if connection.dialect.name == "sqlite":
        for piece in cut_rows(values):
            rows = ", ".join(["(?, ?)"] * len(piece))
            sql = f"UPDATE {table} SET {name} = column2 FROM (VALUES {rows}) WHERE {key} = column1{equal}"  # noqa: S608
            execute_raw(connection, sql, [*chain.from_iterable(piece), *fixed.values()])
        return
    lists = ", ".join(map(_write_list, (column.table.columns[key], column)))
    sql = f"UPDATE {table} SET {name} = n.value FROM unnest({lists}) AS n (of, value) WHERE {key} = n.of{equal}"  # noqa: S608
    execute_raw(connection, sql, (*_to_lists(values), *fixed.values()))


def delete_in(
    connection: Connection, table: Table, fixed: Mapping[str, object], column: str, values: Collection[object]
) -> int:
    """Delete the rows of `table` whose columns equal `fixed` and whose `column` is in `values`; return how many."""
    if not values:
        return 0
    if connection.dialect.name == "sqlite":
        equal = " AND ".join(f"{name} = ?" for name in fixed)
        sql = f"DELETE FROM {table.name} WHERE {equal} AND {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
    else:
        equal = " AND ".join(f"{name} = %s" for name in fixed)
        sql = f"DELETE FROM {table.name} WHERE {equal} AND {column} = ANY({_write_list(table.columns[column])})"  # noqa: S608
    return int(execute_raw(connection, sql, (*fixed.values(), _to_list(values))).rowcount)


@lru_cache(maxsize=256)
def _write_upsert(table: Table, rows: int, is_sum: bool, columns: tuple[str, ...]) -> str:
    values = f"({', '.join('?' * len(table.columns))})"
    return f"{_write_insert(table)} VALUES {', '.join([values] * rows)} {_write_conflict(table, is_sum, columns)}"


@lru_cache(maxsize=64)
def _write_list_upsert(table: Table, is_sum: bool, columns: tuple[str, ...]) -> str:
    # one statement with a list a column: a statement a row is ten times slower on Postgres
    lists = ", ".join(map(_write_list, table.columns))
    return f"{_write_insert(table)} SELECT * FROM unnest({lists}) {_write_conflict(table, is_sum, columns)}"  # noqa: S608


def _write_insert(table: Table) -> str:
    return f"INSERT INTO {table.name} ({', '.join(column.name for column in table.columns)})"


def _write_conflict(table: Table, is_sum: bool, columns: tuple[str, ...]) -> str:
    keys = [column.name for column in table.primary_key]
    before = f"{table.name}.{{}} + " if is_sum else ""
    changed = ", ".join(
        f"{column.name} = {before.format(column.name)}excluded.{column.name}"
        for column in table.columns
        if column.name in columns or not (columns or column.name in keys)
    )
    return f"ON CONFLICT ({', '.join(keys)}) DO {f'UPDATE SET {changed}' if changed else 'NOTHING'}"


def execute_raw(connection: Connection, sql: str, parameters: Any, **kind: str) -> Any:
    """Have the driver run `sql`, in its own spelling, inside the transaction of `connection`; returns its cursor.

    Raises:
        DBAPIError: As SQLAlchemy raises it, without the parameters.
    """
    if not connection.in_transaction():
        connection.begin()
    return run_in_driver(connection, sql, parameters, **kind)


@contextmanager
def without_waiting(connection: Connection) -> Iterator[None]:
    """Have Postgres carry out the statements inside while the next are sent; a server far away costs one wait, not ten.

    What fails is raised by a later statement of them, at the latest by the end. Inside, only functions of this module
    may read rows, and nobody is told how many rows a statement changed: to SQLAlchemy, one on its way has neither.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    try:
        with raw.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrap(connection, error, "one of several statements") from error


def run_in_driver(connection: Connection, sql: str, parameters: Any = (), **kind: str) -> Any:
    """Have the driver run `sql` whether there is a transaction or not; as `execute_raw` in the rest."""
    raw: Any = connection.connection.dbapi_connection  # not the wrapper of the pool
    cursor = raw.cursor(**kind)
    try:
        cursor.execute(sql, parameters)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrap(connection, error, sql) from error
    return cursor


def _wrap(connection: Connection, error: Exception, sql: str) -> Exception:
    """Return what the driver raised as SQLAlchemy raises it, without the parameters."""
    return DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True)


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _write_equal(connection: Connection, fixed: Mapping[str, object]) -> tuple[str, _Values]:
    is_equal = f"= {_mark(connection)}"
    where = " AND ".join(f"{name} {'IS NULL' if value is None else is_equal}" for name, value in fixed.items())
    return where, tuple(value for value in fixed.values() if value is not None)


def _write_select(
    connection: Connection, columns: Sequence[Column[Any]], fixed: Mapping[str, object]
) -> tuple[str, _Values]:
    where, wanted = _write_equal(connection, fixed)
    names = ", ".join(each.name for each in columns)
    return f"SELECT {names} FROM {columns[0].table.name} WHERE {where}", wanted  # noqa: S608


def _write_joined(dialect: str, name: str) -> str:
    return f"group_concat({name})" if dialect == "sqlite" else f"string_agg({name}::text, ',')"


def _read_joined(cursor: Any) -> Sequence[str]:
    texts: Sequence[str | None] = cursor.fetchone()
    return [text for text in texts if text is not None]


def _name(columns: Sequence[Column[Any]], rows: Iterable[_Values]) -> list[Any]:
    return list(map(_find_maker(tuple(column.name for column in columns)), rows))


@lru_cache(maxsize=128)
def _find_maker(names: tuple[str, ...]) -> Callable[[_Values], Any]:
    row: Any = collections.namedtuple("Row", list(names))  # type: ignore[misc]
    return cast(Callable[[_Values], Any], row._make)


def _to_list(values: Iterable[object]) -> str:
    """Return values as one parameter; the driver of Postgres takes two hundred times as long for a list."""
    return orjson.dumps(list(values)).decode()


def _to_lists(rows: Iterable[_Values]) -> _Values:
    return tuple(map(_to_list, zip(*rows, strict=True)))


def _write_list(column: Column[Any]) -> str:
    """Return an array of Postgres with the values of one list, which are compared with `column` or become its values.

    It is planned for ten of them, so by their keys: for the hundred of a bare function, tables are read through.
    """
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return f"{_LIST}::bigint[]" if isinstance(stored, BigInteger | Integer) else _LIST


_LIST = "ARRAY(SELECT json_array_elements_text(%s))"
