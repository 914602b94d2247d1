"""The embedded warehouse: a DuckDB file in the workspace's own folder, queried in a sandboxed child process."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from core.errors import CoreError, InvalidField, QueryError
from core.fields import Field, FieldType
from core.storage.home import Home
from core.warehouses import sandbox
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import (
    TIME_ZONE,
    ColumnInfo,
    ColumnType,
    CostEstimate,
    Kind,
    TableInfo,
    WarehouseDefinition,
    check_zone,
    tag_schema,
)
from core.warehouses.embedded_errors import file_gone, not_duckdb, translate_error, unreadable
from core.warehouses.embedded_write import EmbeddedWriteSession
from core.warehouses.loading.load import escape
from core.warehouses.sandbox_pool import SandboxPool, get_pool
from core.warehouses.sandbox_process import ChildGone, ChildRefused, OutOfTime
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import Budget, cancelled, timed_out
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S, Warehouse

DEFINITION = WarehouseDefinition(
    name="duckdb",
    label="Embedded warehouse",
    summary="A DuckDB file in this workspace's folder: the demo data, or your own CSV and Parquet files.",
    docs_url="https://duckdb.org/docs/",
    settings=(
        Field(
            "path",
            "File",
            "Name of the DuckDB file inside the workspace's warehouse folder.",
            type=FieldType.FILE,
            required=True,
            placeholder="demo.duckdb",
        ),
        TIME_ZONE,
    ),
    dialect="duckdb",
    default_schema="main",
)

_KINDS = {
    Kind.INTEGER: "tinyint smallint integer bigint hugeint utinyint usmallint uinteger ubigint",
    Kind.FLOAT: "float double",
    Kind.DECIMAL: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp timestamp_ns timestamp_s timestamp_ms",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.JSON: "struct list map array tuple json",
    Kind.BYTES: "blob",
    Kind.TEXT: "varchar enum uuid null",
}
_KIND_OF = {type_id: kind for kind, names in _KINDS.items() for type_id in names.split()} | {
    "timestamp with time zone": Kind.TIMESTAMPTZ
}
_MARK, _MARK_AT = b"DUCK", 8
"""What a file of DuckDB has, and where."""
_CATALOG = """
SELECT c.schema_name, c.table_name, t.estimated_size, coalesce(t.comment, v.comment),
       list({{name: c.column_name, type: c.data_type, nullable: c.is_nullable, comment: c.comment}}
            ORDER BY c.column_index)
FROM duckdb_columns() c
LEFT JOIN duckdb_tables() t ON t.table_oid = c.table_oid AND t.database_oid = c.database_oid
      AND t.schema_oid = c.schema_oid
LEFT JOIN duckdb_views() v ON v.view_oid = c.table_oid AND v.database_oid = c.database_oid
      AND v.schema_oid = c.schema_oid
WHERE c.database_name = current_database() AND NOT c.internal{only}
GROUP BY ALL ORDER BY 1, 2"""
_SCHEMAS = """
SELECT DISTINCT schema_name FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal ORDER BY 1"""
_NAMES = """
SELECT DISTINCT table_name FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal AND schema_name = '{schema}' ORDER BY 1"""


class EmbeddedWarehouse(Warehouse):
    """One DuckDB file. It is opened by child processes only, read-only, one query at a time each."""

    definition: ClassVar[WarehouseDefinition] = DEFINITION

    def __init__(self, path: Path, *, pool: SandboxPool | None = None, zone: str = "UTC") -> None:
        self._path = path.absolute()
        self._zone = zone
        self._pool = pool or get_pool()

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for the file that `settings` names inside the workspace's folder."""
        name = str(settings["path"])
        if name != Path(name).name or name in ("", ".", "..") or "\0" in name:
            raise InvalidField(
                "The file of an embedded warehouse is a plain name, without folders.",
                hint="Give a name such as customers.duckdb; the file lies in the workspace's warehouse folder.",
            )
        return cls(home.warehouses / name, zone=check_zone(settings))

    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns that `sql` would give, without running it."""
        request: dict[str, object] = {"op": "describe", "sql": sql}
        frames = self._ask(request, QUERY_TIMEOUT_S, None)
        columns: tuple[ColumnType, ...] = ()
        for kind, payload in frames:
            if kind == sandbox.COLUMNS:
                columns = _read_column_types(payload, self._zone)
        return columns

    def open_write_session(self) -> StateSession:
        """Return a session that writes the file; it waits until nobody else has it open."""
        return EmbeddedWriteSession(self._path, self._pool)

    def list_schemas(self) -> list[str]:
        """Return the schemas that hold a table or a view."""
        return [str(name) for name in self.query(_SCHEMAS)["schema_name"].to_pylist()]

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views with their columns, by schema and name."""
        return self._read_tables("" if schema is None else f" AND c.schema_name = '{escape(schema)}'")

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of one schema."""
        return [str(name) for name in self.query(_NAMES.format(schema=escape(schema)))["table_name"].to_pylist()]

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns."""
        found = self._read_tables(f" AND c.schema_name = '{escape(schema)}' AND c.table_name = '{escape(name)}'")
        return found[0] if found else None

    def _read_tables(self, only: str) -> list[TableInfo]:
        rows = self.query(_CATALOG.format(only=only))
        return [
            TableInfo(
                schema,
                name,
                tuple(_read_column_info(column) for column in json.loads(columns)),
                estimate,
                comment,
            )
            for schema, name, estimate, comment, columns in zip(
                *(column.to_pylist() for column in rows.columns), strict=True
            )
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
        request = {"op": "query", "sql": sql, "batch_rows": max(1, batch_rows), "max_rows": max_rows}
        columns: tuple[ColumnType, ...] = ()
        schema: pa.Schema | None = None
        sent_schema: pa.Schema | None = None
        is_empty = True
        for kind, payload in self._ask(request, timeout_s, cancel):
            if kind == sandbox.COLUMNS:
                columns = _read_column_types(payload, self._zone)
            elif kind == sandbox.SCHEMA:
                sent_schema = pa.ipc.read_schema(pa.py_buffer(payload))
                schema = tag_schema(_rename(sent_schema, columns), columns)
            elif kind == sandbox.BATCH:
                is_empty = False
                batch = pa.ipc.read_record_batch(pa.py_buffer(payload), sent_schema)
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        if is_empty and schema is not None:
            yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return how many rows DuckDB's planner expects."""
        rows = None
        for kind, payload in self._ask({"op": "explain", "sql": sql}, timeout_s, cancel):
            if kind == sandbox.PLAN:
                rows = _read_expected_rows(json.loads(bytes(payload)))
        if rows is None:
            return CostEstimate("DuckDB does not tell how many rows to expect.")
        return CostEstimate("An embedded warehouse costs nothing but time.", rows=rows)

    def read_data_version(self) -> str | None:
        """Return when the file, or the log of changes beside it, was last written, and how long they are."""
        files = (self._path, self._path.with_name(f"{self._path.name}.wal"))
        found = [_stamp(file) for file in files]
        return None if found[0] is None else " ".join(stamp or "-" for stamp in found)

    def check_reachable(self) -> None:
        """Look whether the file is there and is one of DuckDB's; opening it would take much longer."""
        try:
            with self._path.open("rb") as file:
                head = file.read(_MARK_AT + len(_MARK))
        except FileNotFoundError as error:
            raise file_gone(self._path) from error
        except OSError as error:
            raise unreadable(self._path) from error
        if head[_MARK_AT:] != _MARK:
            raise not_duckdb(self._path)

    def close(self) -> None:
        """Nothing to let go of: warm children belong to the process and serve the next query."""

    def _probe(self) -> str:
        count = len(self.list_tables())
        return f"{count} table{'' if count == 1 else 's'} can be read. Sync state is kept beside the file."

    def _ask(
        self, request: Mapping[str, object], timeout_s: float, cancel: CancelToken | None
    ) -> Generator[tuple[bytes, memoryview], None, None]:
        token = cancel or CancelToken()
        if token.cancelled:
            raise cancelled(token)
        budget = Budget(timeout_s)
        try:
            yield from self._ask_child(request, budget, token)
        except FileNotFoundError as error:
            raise file_gone(self._path) from error
        except ChildRefused as error:
            raise translate_error(error.reply, str(request["sql"]), self._path) from error
        except OutOfTime as error:
            raise timed_out(timeout_s) from error
        except ChildGone as error:
            raise (cancelled(token) if token.cancelled else _crashed()) from error

    def _ask_child(
        self, request: Mapping[str, object], budget: Budget, token: CancelToken
    ) -> Generator[tuple[bytes, memoryview], None, None]:
        process = self._pool.acquire(self._path, budget, token)
        was_warm, is_first = process.answered, True
        try:
            for frame in process.ask(request, budget, token):
                if token.cancelled:
                    raise cancelled(token)
                is_first = False
                yield frame
        except ChildGone:
            # A child that died while it waited is no fault of this query, which had not begun: the next one takes it.
            if not (was_warm and is_first) or token.cancelled:
                raise
        else:
            return
        finally:
            self._pool.release(process)
        yield from self._ask_child(request, budget, token)


def _stamp(file: Path) -> str | None:
    try:
        seen = file.stat()
    except OSError:
        return None
    # the inode, because a file that takes the place of another may have its size and its time
    return f"{seen.st_ino}:{seen.st_mtime_ns}:{seen.st_size}"


def _read_column_types(payload: memoryview, zone: str) -> tuple[ColumnType, ...]:
    return tuple(
        ColumnType(name, "VARCHAR" if type_id == "null" else text, kind, zone if kind is Kind.TIMESTAMP else "UTC")
        for name, text, type_id in json.loads(bytes(payload))
        for kind in (_to_kind(text, type_id),)
    )


def _read_expected_rows(plan: list[dict[str, Any]]) -> int | None:
    """Return what the last step of a plan gives; zero is what DuckDB says of a LIMIT, and so tells nothing."""
    last = plan[0]
    if last["name"] == "UNGROUPED_AGGREGATE":
        return 1
    expected = str(last["extra_info"].get("Estimated Cardinality", ""))
    return int(expected) if expected.isdigit() and int(expected) else None


def _to_kind(text: str, type_id: str) -> Kind:
    return Kind.JSON if text == "JSON" else _KIND_OF.get(type_id, Kind.OTHER)


def _read_column_info(column: Mapping[str, object]) -> ColumnInfo:
    text = str(column["type"])
    comment = column["comment"]
    return ColumnInfo(
        str(column["name"]),
        text,
        kind_of(text),
        bool(column["nullable"]),
        None if comment is None else str(comment),
    )


def kind_of(type_text: str) -> Kind:
    """Return the kind of a DuckDB type given as text, as `DECIMAL(18,2)` or `INTEGER[]`."""
    if type_text.endswith("]"):
        return Kind.JSON
    return _to_kind(type_text, type_text.partition("(")[0].strip().lower())


def _rename(schema: pa.Schema, columns: tuple[ColumnType, ...]) -> pa.Schema:
    # A cast on the way may have renamed a column; the names are those of the query.
    return pa.schema([field.with_name(column.name) for field, column in zip(schema, columns, strict=True)])


def _crashed() -> CoreError:
    return QueryError(
        "The process that ran the query ended unexpectedly, most likely for want of memory.",
        code="engine_stopped",
        hint="Select fewer or shorter values. If a small query does this too, report it.",
    )
