"""The live check of a mapping over all rows of the SQL model: what it would send and what it would refuse."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import duckdb
import pyarrow as pa

from core.errors import CoreError
from core.fields import Field
from core.mappings.compile import CompiledMapping, compile_mapping, quote
from core.mappings.engine import note_failure, open_engine
from core.mappings.mapping import ColumnRef, FieldMapping
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import read_columns
from core.warehouses.stopping import cancelled, timed_out

SAMPLES = 3
CHECK_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One mapped field over all rows. `coverage` is the share of rows that fill it, 0 to 1."""

    field: str
    key: str | None
    filled: int
    nulls: int
    coverage: float
    failures: int
    failure_samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappingReport:
    """The whole mapping over all rows. `reasons` counts rejected rows by code."""

    rows: int
    rejected: int
    reasons: dict[str, int]
    fields: tuple[FieldReport, ...]


def check_mapping(
    batches: Iterable[pa.RecordBatch],
    mapping: FieldMapping,
    fields: Sequence[Field],
    key_column: str,
    *,
    timeout_s: float = CHECK_TIMEOUT_S,
    cancel: CancelToken | None = None,
) -> MappingReport:
    """Return what the mapping does to every row.

    Args:
        batches: All rows of the SQL model; at least one batch, which may be empty.
        mapping: A mapping without blocking issues.
        fields: The fields of the destination's action.
        key_column: The unique identifier column.
        timeout_s: How long judging may take, with reading the batches after the first.
        cancel: Stops the judging; who makes the batches stops the reading.

    Raises:
        QueryTimeout: The time is up.
        QueryCancelled: `cancel` was turned.
        CoreError: What reading the batches raised.
    """
    failures: list[CoreError] = []
    iterator = note_failure(batches, failures)
    first = next(iterator)
    compiled = compile_mapping(mapping, fields, read_columns(first.schema), key_column)
    with open_engine() as engine, _stopping(engine, timeout_s, cancel or CancelToken(), failures):
        rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], iterator))
        engine.register("model_rows", rows)
        needed = dict.fromkeys([key_column, *mapping.columns()])
        columns = ", ".join(quote(name) for name in needed)
        engine.execute(f"CREATE TEMP TABLE checked AS SELECT {columns} FROM model_rows")  # noqa: S608 - quoted names
        return _report(engine, compiled, mapping)


@contextmanager
def _stopping(
    engine: duckdb.DuckDBPyConnection, timeout_s: float, cancel: CancelToken, failures: Sequence[CoreError]
) -> Iterator[None]:
    """Stop what `engine` does when the time is up or `cancel` is turned; say in our own words what stopped it."""
    clock = threading.Timer(timeout_s, engine.interrupt)
    clock.daemon = True
    clock.start()
    forget = cancel.on_cancel(engine.interrupt)
    try:
        yield
    except duckdb.InterruptException as error:
        raise (cancelled(cancel) if cancel.cancelled else timed_out(timeout_s)) from error
    except duckdb.Error as error:
        if not failures:
            raise
        raise failures[0] from error
    finally:
        forget()
        clock.cancel()


def _report(engine: duckdb.DuckDBPyConnection, compiled: CompiledMapping, mapping: FieldMapping) -> MappingReport:
    targets = [entry.target for entry in mapping.entries]
    counts = ["count(*)"]
    for target in targets:
        counts.append(f"coalesce(count_if({compiled.filled[target]}), 0)")
        counts.append(f"coalesce(count_if({compiled.failed.get(target, 'false')}), 0)")
    row = engine.execute(f"SELECT {', '.join(counts)} FROM checked").fetchone() or ()  # noqa: S608
    total = int(row[0])
    reasons = dict(
        engine.execute(
            f"WITH mapped AS ({compiled.select('checked')}), "  # noqa: S608
            "judged AS (SELECT CASE WHEN reject_code IS NULL AND count(*) OVER (PARTITION BY key) > 1 "
            "THEN 'record_duplicate' ELSE reject_code END AS code FROM mapped) "
            "SELECT code, count(*) FROM judged WHERE code IS NOT NULL GROUP BY code ORDER BY 2 DESC"
        ).fetchall()
    )
    reports = []
    for index, entry in enumerate(mapping.entries):
        filled, failures = int(row[1 + 2 * index]), int(row[2 + 2 * index])
        samples: tuple[str, ...] = ()
        if failures and isinstance(entry.value, ColumnRef):
            name = quote(entry.value.column)
            found = engine.execute(
                f"SELECT DISTINCT left(CAST({name} AS VARCHAR), 60) FROM checked "  # noqa: S608
                f"WHERE {compiled.failed[entry.target]} LIMIT {SAMPLES}"
            ).fetchall()
            samples = tuple(value for (value,) in found)
        share = filled / total if total else 0.0
        reports.append(FieldReport(entry.field, entry.key, filled, total - filled, share, failures, samples))
    return MappingReport(total, sum(reasons.values()), reasons, tuple(reports))
