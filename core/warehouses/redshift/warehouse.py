"""A Redshift database: read through a cursor on the server in a read-only transaction, batch by batch.

Redshift has no `COPY … TO STDOUT`; a cursor is the only way to take a result in pieces of bounded size.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Self

import pyarrow as pa

from core.errors import CoreError, QueryTimeout
from core.storage.home import Home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, CostEstimate, TableInfo, WarehouseDefinition, check_zone
from core.warehouses.redshift import catalog
from core.warehouses.redshift.connection import Connection, OutOfTime, Refused
from core.warehouses.redshift.definition import DEFINITION
from core.warehouses.redshift.session import RedshiftStateSession
from core.warehouses.redshift.types import make_array, plan_column
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import cancelled, timed_out
from core.warehouses.tunnel import Tunnel, read_tunnel
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S, Warehouse
from core.warehouses.wire.address import Address, read_address
from core.warehouses.wire.errors import translate_report
from core.warehouses.wire.names import literal
from core.warehouses.wire.texts import convert_texts, make_schema
from core.warehouses.wire.types import Transport

_CURSOR = "onramp_rows"
_PLAN = re.compile(r"rows=(\d+) width=(\d+)")


class RedshiftWarehouse(Warehouse):
    """One database. Each query has a connection of its own."""

    definition: ClassVar[WarehouseDefinition] = DEFINITION

    def __init__(self, address: Address, *, zone: str = "UTC", tunnel: Tunnel | None = None) -> None:
        self._address = address
        self._zone = zone
        self._tunnel = tunnel

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for the server that `settings` names."""
        address = read_address(settings, secrets, ssl_mode="verify-full")
        tunnel = read_tunnel(settings, secrets, address.host, address.port)
        return cls(address, zone=check_zone(settings), tunnel=tunnel)

    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns that `sql` would give: the first none of its rows are asked for."""
        with self._reading(sql, QUERY_TIMEOUT_S, None) as connection:
            return tuple(transport.column for transport in self._describe(connection, sql))

    def list_schemas(self) -> list[str]:
        """Return the schemas that hold a table or a view which this login sees."""
        with self._reading("", QUERY_TIMEOUT_S, None) as connection:
            return sorted(str(name) for (name,) in connection.ask(catalog.SCHEMAS))

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views that this login sees, by schema and name."""
        with self._reading("", QUERY_TIMEOUT_S, None) as connection:
            tables = connection.ask(catalog.tables_sql(schema))
            columns = connection.ask(catalog.columns_sql(schema))
            try:
                counts = connection.ask(catalog.ROW_COUNTS)
            except Refused:
                counts = ()
                connection.run("ROLLBACK")
                connection.run("BEGIN TRANSACTION READ ONLY")
        return catalog.read_tables(tables, columns, counts)

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
        token, size = cancel or CancelToken(), max(1, batch_rows)
        with self._reading(sql, timeout_s, token) as connection:
            transports = self._describe(connection, sql)
            connection.run(f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {_wrap(sql, transports, max_rows)}")
            is_first = True
            while True:
                rows = connection.ask(f"FETCH FORWARD {size} FROM {_CURSOR}")
                if token.cancelled:
                    raise cancelled(token)
                if rows or is_first:
                    yield _make_batch(rows, transports)
                is_first = False
                if len(rows) < size:
                    return

    def estimate(self, sql: str) -> CostEstimate:
        """Return what the planner expects, without running anything."""
        with self._reading(sql, QUERY_TIMEOUT_S, None) as connection:
            self._describe(connection, sql)
            lines = connection.ask(f"EXPLAIN {sql}")
        found = _PLAN.search(" ".join(str(line[0]) for line in lines))
        if found is None:
            return CostEstimate("Redshift does not tell what this query costs before it runs.")
        rows, width = int(found[1]), int(found[2])
        return CostEstimate(f"Redshift expects {rows:,} rows of about {width:,} bytes.", rows=rows)

    def open_state_session(self) -> StateSession:
        """Return a session for our own tables."""
        return RedshiftStateSession(self._reach())

    def check_write(self) -> None:
        """Make our schema where it is missing, and a row in it; see `Warehouse.check_write`."""
        with RedshiftStateSession(self._reach()) as session:
            session.check()

    def close(self) -> None:
        """End the tunnel; queries end their connections themselves."""
        if self._tunnel is not None:
            self._tunnel.close()

    def _probe(self) -> str:
        count = len(self.list_tables())
        return f"{count} table{'' if count == 1 else 's'} can be read."

    def _reach(self) -> Address:
        return self._address if self._tunnel is None else self._address.through(*self._tunnel.open())

    @contextmanager
    def _reading(self, sql: str, timeout_s: float, cancel: CancelToken | None) -> Iterator[Connection]:
        token = cancel or CancelToken()
        if token.cancelled:
            raise cancelled(token)
        address = self._reach()
        connection: Connection | None = None
        try:
            connection = Connection(address, timeout_s, token)
            connection.run(f"SET statement_timeout TO {max(1, round(timeout_s * 1000))}")
            connection.run("SET TimeZone TO 'UTC'")
            connection.run("SET DateStyle TO 'ISO'")
            if self.query_tag is not None:  # seen in stl_query.label and sys_query_history.query_label
                connection.run(f"SET query_group TO {literal(self.query_tag.text)}")
            connection.run("BEGIN TRANSACTION READ ONLY")
            yield connection
            connection.run("COMMIT")
        except OutOfTime as error:
            raise timed_out(timeout_s) from error
        except Refused as error:
            raise self._translate(error, sql, timeout_s, token) from error
        finally:
            if connection is not None:
                connection.close()

    def _translate(self, refused: Refused, sql: str, timeout_s: float, token: CancelToken) -> CoreError:
        if token.cancelled:
            return cancelled(token)
        if refused.report.sqlstate == "57014":
            error = timed_out(timeout_s)
            if "user" in refused.report.message:
                error = QueryTimeout(
                    "An administrator of the cluster stopped the query.", hint="Ask whoever runs it, then run it again."
                )
            error.context.update(refused.report.context)
            return error
        offset = max(0, refused.sent.find(sql)) if sql else 0
        return translate_report(refused.report, sql, self._address, offset=offset)

    def _describe(self, connection: Connection, sql: str) -> tuple[Transport, ...]:
        """Return how each column travels. What is no single query that can stand in FROM ends here, before it runs."""
        try:
            connection.run(f"SELECT * FROM ({sql}\n) AS model_rows LIMIT 0")  # noqa: S608 - what is asked about
        except Refused as error:
            raise self._find_syntax_error(connection, sql, error) from error
        return tuple(plan_column(name, oid, modifier, self._zone) for name, oid, modifier in connection.columns)

    def _find_syntax_error(self, connection: Connection, sql: str, found: Refused) -> Refused:
        """Return the syntax error that the text has by itself, whose place is the true one; EXPLAIN runs nothing."""
        if found.report.sqlstate != "42601":
            return found
        connection.run("ROLLBACK")
        connection.run("BEGIN TRANSACTION READ ONLY")
        try:
            connection.run(f"EXPLAIN {sql}")
        except Refused as error:
            return error if error.report.sqlstate == "42601" else found
        return found


def _wrap(sql: str, transports: tuple[Transport, ...], max_rows: int | None) -> str:
    limit = "" if max_rows is None else f" LIMIT {max_rows}"
    if all(transport.expression == "{}" for transport in transports):
        return f"SELECT * FROM ({sql}\n) AS model_rows{limit}"  # noqa: S608 - one query, described
    names = [f"c{number}" for number in range(len(transports))]  # columns by place: two may have one name
    values = ", ".join(each.expression.format(name) for each, name in zip(transports, names, strict=True))
    return f"SELECT {values} FROM ({sql}\n) AS model_rows({', '.join(names)}){limit}"  # noqa: S608


def _make_batch(rows: Sequence[Sequence[object]], transports: tuple[Transport, ...]) -> pa.RecordBatch:
    taken = list(zip(*rows, strict=True)) if rows else [() for _ in transports]
    arrays = [
        convert_texts(make_array(list(values), transport.type), transport.type)
        for values, transport in zip(taken, transports, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=make_schema(transports))
