"""A Postgres database: read by `COPY` in read-only transactions, each batch as the server sends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import ClassVar

import psycopg
import pyarrow as pa

from core.warehouses.cancel import CancelToken
from core.warehouses.definition import (
    ColumnType,
    CostEstimate,
    Kind,
    TableInfo,
    WarehouseDefinition,
)
from core.warehouses.postgres import catalog
from core.warehouses.postgres.csv_batches import read_batches
from core.warehouses.postgres.definition import DEFINITION
from core.warehouses.postgres.link import Link, open_link
from core.warehouses.postgres.session import PostgresStateSession
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import Budget, cancelled
from core.warehouses.tunnel import Tunnel
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import gives_no_columns, has_parameter, schema_denied
from core.warehouses.wire.server_warehouse import ServerWarehouse
from core.warehouses.wire.texts import MAX_BATCH_BYTES
from core.warehouses.wire.types import COMMON_NAMES, Transport, kind_of, make_transport

CONSUMER_S = 24 * 3600.0
"""How long the server lets a consumer of its rows take on top of the query's own time, which we measure ourselves."""

_BEGIN = """BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {timeout_ms}; SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = iso_8601; SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = hex; SET LOCAL standard_conforming_strings = on;
SET LOCAL idle_in_transaction_session_timeout = '60s'"""


class PostgresWarehouse(ServerWarehouse[Link]):
    """One database; see `ServerWarehouse`."""

    definition: ClassVar[WarehouseDefinition] = DEFINITION
    default_ssl_mode = "require"
    driver_failures = (psycopg.Error,)

    def __init__(self, address: Address, *, zone: str = "UTC", tunnel: Tunnel | None = None) -> None:
        super().__init__(address, zone=zone, tunnel=tunnel)
        self._types: dict[tuple[int, int], tuple[str, Kind]] = {}

    def list_schemas(self) -> list[str]:
        """Return the schemas that hold a table or a view; the catalog shows also those that this login may not use."""
        with self._reading(catalog.SCHEMAS, QUERY_TIMEOUT_S, None) as link:
            return sorted(str(name) for (name,) in link.ask(catalog.SCHEMAS))

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views that this login may read, by schema and name."""
        sql = catalog.tables_sql(schema)
        with self._reading(sql, QUERY_TIMEOUT_S, None) as link:
            return catalog.read_tables(link.ask(sql))

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of one schema that this login may read."""
        sql = catalog.names_sql(schema)
        with self._reading(sql, QUERY_TIMEOUT_S, None) as link:
            found = [(str(name), may_use == "t", may_read == "t") for name, may_use, may_read in link.ask(sql)]
        names = sorted(name for name, may_use, may_read in found if may_use and may_read)
        if found and not names:
            may_use, may_read = (any(rights) for rights in list(zip(*found, strict=True))[1:])
            raise schema_denied(self._way.address, schema, may_use=may_use, may_read=may_read)
        return names

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns."""
        sql = catalog.tables_sql(schema, name)
        with self._reading(sql, QUERY_TIMEOUT_S, None) as link:
            return next(iter(catalog.read_tables(link.ask(sql))), None)

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
        token = cancel or CancelToken()
        with self._reading(sql, timeout_s, token) as link:
            transports = self._describe(link, sql)
            copied = f"{self._comment()}COPY ({_wrap(sql, transports, max_rows)}) TO STDOUT (FORMAT csv)"
            pieces = link.copy_out(copied, max_rows=max(1, batch_rows), max_bytes=MAX_BATCH_BYTES)
            for batch in read_batches(pieces, transports):
                if token.cancelled:
                    raise cancelled(token)
                yield batch

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return what the planner expects, without running anything."""
        with self._reading(sql, timeout_s, cancel) as link:
            self._describe(link, sql)
            ((text,),) = link.ask(f"EXPLAIN (FORMAT JSON) {sql}")
        plan = json.loads(text or "[]")[0]["Plan"]
        rows, width = int(plan["Plan Rows"]), int(plan["Plan Width"])
        detail = f"Its planner expects rows of about {width:,} bytes."
        return CostEstimate(detail, rows=rows, planner_cost=float(plan["Total Cost"]))

    def open_state_session(self) -> StateSession:
        """Return a session for our own tables."""
        return PostgresStateSession.open(self._way.reach())

    def check_write(self) -> None:
        """Make our schema where it is missing, and a row in it; see `Warehouse.check_write`."""
        with PostgresStateSession.open(self._way.reach()) as session:
            session.check()

    @staticmethod
    def _open_link(address: Address) -> Link:
        return open_link(address)

    def _comment(self) -> str:
        # Seen in pg_stat_activity beside the query, and in the server's log
        return "" if self.query_tag is None else f"/* {self.query_tag.text.replace('*/', '')} */ "

    def _begin(self, timeout_s: float, token: CancelToken) -> Link:
        """Return a link in a new transaction."""
        script, budget = _BEGIN.format(timeout_ms=round((timeout_s + CONSUMER_S) * 1000)), Budget(timeout_s)

        def start(link: Link) -> None:
            link.prepare(budget, token)
            link.run(script)

        return self._way.begin(start, lambda error: isinstance(error, psycopg.Error))

    def _watch(self, link: Link, token: CancelToken) -> Callable[[], None]:
        return token.on_cancel(link.cancel)

    def _describe(self, link: Link, sql: str) -> tuple[Transport, ...]:
        """Return how each column travels. What is no single query, or gives no columns, ends here, before it runs."""
        result = link.describe(sql)
        if result.nparams:
            raise has_parameter()
        if not result.nfields:
            raise gives_no_columns()
        found = [(result.ftype(number), result.fmod(number)) for number in range(result.nfields)]
        self._learn_types(link, set(found))
        return tuple(
            make_transport(self._make_column((result.fname(number) or b"").decode(), *self._types[key]), *key)
            for number, key in enumerate(found)
        )

    def _make_column(self, name: str, text: str, kind: Kind) -> ColumnType:
        return ColumnType(name, text, kind, self._zone if kind is Kind.TIMESTAMP else "UTC")

    def _learn_types(self, link: Link, found: set[tuple[int, int]]) -> None:
        for oid, modifier in found:
            if modifier == -1 and oid in COMMON_NAMES:
                self._types[oid, modifier] = (COMMON_NAMES[oid], kind_of(oid, "b", ""))
        unknown = sorted(found - self._types.keys())
        if unknown:
            values = ", ".join(f"({oid}::oid, {modifier})" for oid, modifier in unknown)
            for row in link.ask(
                "SELECT v.oid, v.modifier, pg_catalog.format_type(v.oid, v.modifier), t.typtype, t.typcategory "  # noqa: S608
                f"FROM (VALUES {values}) AS v(oid, modifier) JOIN pg_catalog.pg_type t ON t.oid = v.oid"
            ):
                number, bits, text, typtype, category = (value or "" for value in row)
                self._types[int(number), int(bits)] = (text, kind_of(int(number), typtype, category))


def _wrap(sql: str, transports: tuple[Transport, ...], max_rows: int | None) -> str:
    if max_rows is None and all(transport.expression == "{}" for transport in transports):
        return f"{sql}\n"
    names = [f"c{number}" for number in range(len(transports))]  # columns by place: two may have one name
    values = ", ".join(each.expression.format(name) for each, name in zip(transports, names, strict=True))
    limit = "" if max_rows is None else f" LIMIT {max_rows}"
    return f"SELECT {values} FROM ({sql}\n) AS model_rows({', '.join(names)}){limit}"  # noqa: S608 - one query, described
