"""A Redshift database: read through a cursor on the server in a read-only transaction, piece by piece.

Redshift has no `COPY … TO STDOUT`; a cursor is the only way to take a result in pieces of bounded size.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import ClassVar

import pyarrow as pa

from core.warehouses.cancel import CancelToken
from core.warehouses.definition import CostEstimate, TableInfo, WarehouseDefinition
from core.warehouses.redshift import catalog
from core.warehouses.redshift.connection import Connection
from core.warehouses.redshift.definition import DEFINITION
from core.warehouses.redshift.session import RedshiftStateSession
from core.warehouses.redshift.types import make_array, plan_column
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import Budget, cancelled
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import (
    LOST,
    SYNTAX,
    Refused,
    gives_no_columns,
    has_parameter,
    schema_denied,
)
from core.warehouses.wire.names import literal
from core.warehouses.wire.server_warehouse import ServerWarehouse
from core.warehouses.wire.texts import MAX_BATCH_BYTES, make_schema
from core.warehouses.wire.types import Transport

FETCH_ROWS = 1000
"""What a cluster of one node gives at a time; it refuses to give more."""

_BEGIN = "BEGIN TRANSACTION READ ONLY"
_CURSOR = "onramp_rows"
_PLAN = re.compile(r"rows=(\d+) width=(\d+)")


class RedshiftWarehouse(ServerWarehouse[Connection]):
    """One database; see `ServerWarehouse`."""

    definition: ClassVar[WarehouseDefinition] = DEFINITION
    default_ssl_mode = "verify-full"

    def list_schemas(self) -> list[str]:
        """Return the schemas that hold a table or a view; the catalog shows also those that this login may not use."""
        with self._reading("", QUERY_TIMEOUT_S, None) as connection:
            found = [*connection.ask(catalog.SCHEMAS), *connection.ask(catalog.CLOSED_SCHEMAS)]
            return sorted({str(name) for (name,) in found})

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views that this login sees, by schema and name."""
        return self._read_tables(schema, None)

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of one schema that this login sees."""
        with self._reading("", QUERY_TIMEOUT_S, None) as connection:
            names = sorted(str(name) for (name,) in connection.ask(catalog.names_sql(schema)))
            rights = connection.ask(catalog.rights_sql(schema))
        if rights and not (names and rights[0][0]):
            raise schema_denied(self._way.address, schema, may_use=bool(rights[0][0]), may_read=bool(names))
        return names

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns."""
        return next(iter(self._read_tables(schema, name)), None)

    def _read_tables(self, schema: str | None, name: str | None) -> list[TableInfo]:
        with self._reading("", QUERY_TIMEOUT_S, None) as connection:
            tables = connection.ask(catalog.tables_sql(schema, name))
            columns = connection.ask(catalog.columns_sql(schema, name))
            try:
                counts = connection.ask(catalog.ROW_COUNTS)
            except Refused as error:
                if error.report.sqlstate == LOST:
                    raise
                counts = ()  # the transaction is at its end in any case
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
            if max_rows is not None and max_rows <= min(FETCH_ROWS, size):
                yield _make_batch(connection.ask(_limit(sql, max_rows)), transports)
                return
            connection.run(f"DECLARE {_CURSOR} CURSOR FOR {_limit(sql, max_rows)}")
            held: list[pa.RecordBatch] = []
            is_empty = True
            while True:
                asked = min(FETCH_ROWS, size - sum(piece.num_rows for piece in held))
                rows = connection.ask(f"FETCH FORWARD {asked} FROM {_CURSOR}")
                if token.cancelled:
                    raise cancelled(token)
                is_last = len(rows) < asked
                if rows or (is_last and is_empty):
                    held.append(_make_batch(rows, transports))
                    is_empty = False
                if held and (is_last or _is_full(held, size)):
                    yield pa.concat_batches(held)
                    held = []
                if is_last:
                    return

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return what the planner expects, without running anything."""
        with self._reading(sql, timeout_s, cancel) as connection:
            self._describe(connection, sql)
            lines = connection.ask(f"EXPLAIN {sql}")
        found = _PLAN.search(" ".join(str(line[0]) for line in lines))
        if found is None:
            return CostEstimate("Redshift does not tell what this query costs before it runs.")
        rows, width = int(found[1]), int(found[2])
        return CostEstimate(f"Its planner expects rows of about {width:,} bytes.", rows=rows)

    def open_state_session(self) -> StateSession:
        """Return a session for our own tables."""
        return RedshiftStateSession(self._way.reach())

    def check_write(self) -> None:
        """Make our schema where it is missing, and a row in it; see `Warehouse.check_write`."""
        with RedshiftStateSession(self._way.reach()) as session:
            session.check()

    @staticmethod
    def _open_link(address: Address) -> Connection:
        return Connection(address)

    def _begin(self, timeout_s: float, token: CancelToken) -> Connection:
        """Return a connection in a new transaction."""
        budget = Budget(timeout_s)
        # Seen in stl_query.label and sys_query_history.query_label
        label = "onramp" if self.query_tag is None else self.query_tag.text

        def start(connection: Connection) -> None:
            connection.prepare(budget, token)
            connection.set("statement_timeout", f"{max(1, round(timeout_s * 1000))}")
            connection.set("query_group", literal(label))
            connection.run(_BEGIN)

        # Whatever is said to these on a connection that waited is said of the connection; a new one tells the rest
        return self._way.begin(start, lambda error: isinstance(error, Refused) and not token.cancelled)

    def _describe(self, link: Connection, sql: str) -> tuple[Transport, ...]:
        """Return how each column travels. What is no single query that can stand in FROM ends here, before it runs."""
        try:
            found = link.describe(f"SELECT * FROM ({sql}\n) AS model_rows")  # noqa: S608 - what is asked about
        except Refused as error:
            raise self._find_fault(link, sql, error) from error
        if found.parameters:
            raise has_parameter()
        return tuple(plan_column(name, oid, modifier, self._zone) for name, oid, modifier in found.columns)

    def _find_fault(self, connection: Connection, sql: str, found: Refused) -> Exception:
        """Return what is wrong with the text by itself, whose place is the true one."""
        if found.report.sqlstate != SYNTAX:
            return found
        connection.run("ROLLBACK")
        connection.run(_BEGIN)
        try:
            columns = connection.describe(sql).columns
        except Refused as error:
            return error if error.report.sqlstate == SYNTAX else found
        return found if columns else gives_no_columns()


def _limit(sql: str, max_rows: int | None) -> str:
    return sql if max_rows is None else f"SELECT * FROM ({sql}\n) AS model_rows LIMIT {max_rows}"  # noqa: S608


def _make_batch(rows: Sequence[Sequence[object]], transports: tuple[Transport, ...]) -> pa.RecordBatch:
    taken: list[Sequence[object]] = list(zip(*rows, strict=True)) if rows else [() for _ in transports]
    arrays = [make_array(values, transport) for values, transport in zip(taken, transports, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=make_schema(transports))


def _is_full(pieces: list[pa.RecordBatch], rows: int) -> bool:
    has_all = sum(piece.num_rows for piece in pieces) >= rows
    return has_all or bool(sum(piece.nbytes for piece in pieces) >= MAX_BATCH_BYTES)
