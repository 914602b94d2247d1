"""The first rows of a query, with true types, and what about them would not fit into a record."""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson
import pyarrow as pa

from core.records import read_values, to_json_value
from core.sql_models.guard import check_query
from core.sql_models.limits import MAX_RECORD_BYTES, MAX_VALUE_BYTES, PREVIEW_ROWS
from core.sql_models.other_dialect import explaining_quotes
from core.sql_models.sql_model import check_columns
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, read_columns
from core.warehouses.warehouse import Warehouse

PREVIEW_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows. `took_ms` is the time of query and transfer; `warnings` are sentences."""

    columns: tuple[ColumnType, ...]
    rows: pa.Table
    took_ms: int
    warnings: tuple[str, ...]


def preview(
    warehouse: Warehouse,
    sql: str,
    *,
    limit: int = PREVIEW_ROWS,
    timeout_s: float = PREVIEW_TIMEOUT_S,
    cancel: CancelToken | None = None,
) -> Preview:
    """Run a query that a person typed and return its first `limit` rows (W30).

    Raises:
        NotReadOnly, SqlSyntaxError: The guard refused the text; nothing was run.
        QueryError: The warehouse refused it, it ran out of time, or its columns break a limit.
    """
    guarded = check_query(sql, warehouse.dialect)
    started = time.perf_counter()
    with explaining_quotes(guarded.sql, warehouse.dialect):
        rows = warehouse.query(guarded.sql, timeout_s=timeout_s, max_rows=limit, cancel=cancel)
    took_ms = round((time.perf_counter() - started) * 1000)
    columns = read_columns(rows.schema)
    check_columns(columns)
    return Preview(columns, rows, took_ms, (*guarded.warnings, *_find_oversized(rows)))


def _find_oversized(rows: pa.Table) -> list[str]:
    warnings = []
    columns = [read_values(column) for column in rows.columns]
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        sizes = {
            name: len(orjson.dumps(to_json_value(value))) for name, value in zip(rows.column_names, row, strict=True)
        }
        warnings += [
            f"Row {number}: {name} takes {size / 1024:,.0f} KiB; above {MAX_VALUE_BYTES // 1024} KiB it is rejected."
            for name, size in sizes.items()
            if size > MAX_VALUE_BYTES
        ]
        if sum(sizes.values()) > MAX_RECORD_BYTES:
            warnings.append(f"Row {number} is larger than {MAX_RECORD_BYTES // 1024} KiB and would be rejected.")
    return warnings
