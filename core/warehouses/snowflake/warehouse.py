"""Snowflake behind the contract of warehouses, on the owner's driver."""

from __future__ import annotations

import secrets as chance
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Any, ClassVar, Self

import orjson
import pyarrow as pa

from core.storage.home import Home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import (
    ColumnInfo,
    ColumnType,
    CostEstimate,
    TableInfo,
    WarehouseDefinition,
    check_zone,
    tag_schema,
)
from core.warehouses.snowflake.account import find_address
from core.warehouses.snowflake.connection import (
    Connection,
    OutOfTime,
    Refused,
    SessionPool,
    Stopped,
    Waiter,
    read_tables,
)
from core.warehouses.snowflake.credentials import read_private_key
from core.warehouses.snowflake.definition import DEFINITION, KEY_PAIR
from core.warehouses.snowflake.errors import is_session_lost, translate_error
from core.warehouses.snowflake.names import Names, write_text
from core.warehouses.snowflake.session import SnowflakeStateSession
from core.warehouses.snowflake.statement import (
    cancelled,
    execute,
    refuse_other_statements,
    timed_out,
    write_parameters,
)
from core.warehouses.snowflake.types import kind_of, read_columns, read_schema, to_batches, write_catalog_type
from core.warehouses.state_session import STATE_SCHEMA, StateSession
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S, Warehouse

_OURS = f"('INFORMATION_SCHEMA', '{STATE_SCHEMA.upper()}')"
_SCHEMAS = f"""
SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name NOT IN {_OURS} ORDER BY 1"""  # noqa: S608
_NAMES = f"""
SELECT table_name AS name FROM information_schema.tables
WHERE table_schema NOT IN {_OURS} AND table_schema = {{schema}} ORDER BY 1"""  # noqa: S608
_COUNT = f"""
SELECT count(DISTINCT table_schema || '.' || table_name) AS n FROM information_schema.columns
WHERE table_schema NOT IN {_OURS}"""  # noqa: S608
_CATALOG = f"""
SELECT c.table_schema, c.table_name, t.row_count, t.comment, c.column_name, c.data_type,
       c.numeric_precision, c.numeric_scale, c.is_nullable, c.comment
FROM information_schema.columns AS c
LEFT JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema NOT IN {_OURS}{{only}}
ORDER BY c.table_schema, c.table_name, c.ordinal_position"""  # noqa: S608


class SnowflakeWarehouse(Warehouse):
    """One database of an account, as one role sees it.

    Snowflake has no read-only sessions. The guard of `core.sql_models` and the role are what keeps a query from
    writing; besides, nothing but a SELECT is sent, one statement at a time, and only the named role counts.
    """

    definition: ClassVar[WarehouseDefinition] = DEFINITION

    def __init__(self, parameters: Mapping[str, object], names: Names, *, zone: str = "UTC") -> None:
        self._pool = SessionPool(parameters, zone)
        self._names = names
        self._zone = zone

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for these settings; nothing is sent yet."""
        address = find_address(str(settings["account"]), str(settings.get("host") or ""))
        parameters: dict[str, object] = {
            "account": address.account,
            "host": address.host,
            "port": address.port,
            "protocol": address.protocol,
            "user": settings["user"],
            "application": "Onramp",
            "paramstyle": "qmark",
            "secondary_roles": "NONE",  # what the role may not do, Onramp cannot do
        }
        for name in ("role", "warehouse", "database", "schema"):
            if settings.get(name):
                parameters[name] = settings[name]
        return cls(parameters | _read_login(settings, secrets), Names.of(settings), zone=check_zone(settings))

    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns that `sql` would give; Snowflake compiles it and runs nothing."""
        refuse_other_statements(sql)
        waiter = Waiter(QUERY_TIMEOUT_S)
        with self._session(waiter, sql, QUERY_TIMEOUT_S) as connection:
            return read_columns(waiter.run(connection.cursor().describe(sql)) or (), self._zone)

    def list_schemas(self) -> list[str]:
        """Return the schemas of the database."""
        return [str(name) for name in self.query(_SCHEMAS).columns[0].to_pylist()]

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views with their columns, by schema and name."""
        return self._read_tables("" if schema is None else f" AND c.table_schema = {write_text(schema)}")

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of one schema."""
        return [str(name) for name in self.query(_NAMES.format(schema=write_text(schema))).columns[0].to_pylist()]

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns."""
        found = self._read_tables(f" AND c.table_schema = {write_text(schema)} AND c.table_name = {write_text(name)}")
        return found[0] if found else None

    def _read_tables(self, only: str) -> list[TableInfo]:
        rows = zip(*(column.to_pylist() for column in self.query(_CATALOG.format(only=only)).columns), strict=True)
        return [
            TableInfo(
                table_schema,
                name,
                tuple(_read_column_info(row) for row in columns),
                None if row_count is None else int(row_count),
                comment or None,
            )
            for (table_schema, name, row_count, comment), columns in groupby(rows, lambda row: row[:4])
        ]

    def stream(
        self,
        sql: str,
        *,
        batch_rows: int = BATCH_ROWS,
        timeout_s: float = STREAM_TIMEOUT_S,
        max_rows: int | None = None,
        cancel: CancelToken | None = None,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows in batches; see `Warehouse.stream`."""
        refuse_other_statements(sql)
        waiter = Waiter(timeout_s, cancel)
        parameters = write_parameters(timeout_s, self.query_tag, max_rows)
        with self._session(waiter, sql, timeout_s) as connection:
            cursor = waiter.run(execute(connection, sql, parameters))
            columns = read_columns(cursor.description or (), self._zone)
            schema = tag_schema(read_schema(columns), columns)
            left = max_rows
            is_empty = True
            parts = waiter.run(cursor.get_result_batches()) or []
            with closing(read_tables(waiter, parts)) as tables:
                for table in tables:
                    for batch in to_batches(table.slice(0, left), schema, max(1, batch_rows)):
                        waiter.check()
                        left = None if left is None else left - batch.num_rows
                        is_empty = False
                        yield batch
                    if left is not None and left <= 0:
                        break
            if is_empty:
                yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return how much of its tables Snowflake would read; it bills the time that the warehouse runs, not this."""
        refuse_other_statements(sql)
        waiter = Waiter(timeout_s, cancel)
        with self._session(waiter, sql, timeout_s) as connection:
            # first described: an error names its place in this text, not in the one with EXPLAIN in front
            waiter.run(connection.cursor().describe(sql))
            parameters = write_parameters(timeout_s, self.query_tag)
            cursor = waiter.run(execute(connection, f"EXPLAIN USING JSON {sql}", parameters))
            return _read_plan(str(waiter.run(cursor.fetchone())[0]))

    def open_state_session(self) -> StateSession:
        """Return a session for our tables in the schema `__onramp` of the database."""
        return SnowflakeStateSession(self._pool, self._names, self.query_tag)

    def check_write(self) -> None:
        """Make our schema, a table with a row in it, and drop the table."""
        table = f"{STATE_SCHEMA}.write_check_{chance.token_hex(4)}"
        with self.open_state_session() as session:
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA}")
            session.execute(f"CREATE TABLE {table} (n NUMBER)")
            try:
                session.execute(f"INSERT INTO {table} VALUES (1)")  # noqa: S608 - a name of ours
            finally:
                session.execute(f"DROP TABLE IF EXISTS {table}")

    def close(self) -> None:
        """Log out."""
        self._pool.close()

    def _probe(self) -> str:
        count = int(self.query(_COUNT).columns[0][0].as_py())
        plural = "" if count == 1 else "s"
        return f"{count} table{plural} can be read in the database {self._names.database}."

    @contextmanager
    def _session(self, waiter: Waiter, sql: str, timeout_s: float) -> Generator[Connection, None, None]:
        """Lend a session; one whose statement was given up does not serve again."""
        connection: Connection | None = None
        is_sound = False
        try:
            waiter.check()
            connection = self._pool.acquire(waiter)
            yield connection
            is_sound = True
        except GeneratorExit:
            is_sound = True  # the consumer has enough; the statement is done
            raise
        except Refused as error:
            is_sound = not is_session_lost(error)
            raise translate_error(error, self._names, sql) from error
        except OutOfTime as error:
            raise timed_out(timeout_s) from error
        except Stopped as error:
            raise cancelled(waiter.token) from error
        finally:
            if connection is not None:
                (self._pool.release if is_sound else self._pool.discard)(connection)


def _read_login(settings: Mapping[str, object], secrets: Mapping[str, str]) -> dict[str, object]:
    if settings.get("authentication", KEY_PAIR) != KEY_PAIR:
        return {"password": secrets.get("password", "")}
    key = read_private_key(secrets.get("private_key", ""), secrets.get("private_key_passphrase", ""))
    return {"authenticator": "SNOWFLAKE_JWT", "private_key": key}


def _read_column_info(row: tuple[Any, ...]) -> ColumnInfo:
    name, data_type, precision, scale, is_nullable, comment = row[4:]
    text = write_catalog_type(data_type, precision, scale)
    return ColumnInfo(name, text, kind_of(data_type, scale), is_nullable != "NO", comment or None)


def _read_plan(text: str) -> CostEstimate:
    totals = orjson.loads(text).get("GlobalStats", {})
    size = int(totals.get("bytesAssigned") or 0)
    parts, all_parts = totals.get("partitionsAssigned") or 0, totals.get("partitionsTotal") or 0
    if not size:
        return CostEstimate("Snowflake does not tell how much this query would read.")
    detail = f"Reads up to {parts:,} of {all_parts:,} micro-partitions. Snowflake bills the time the warehouse runs."
    return CostEstimate(detail, scanned_bytes=size)
