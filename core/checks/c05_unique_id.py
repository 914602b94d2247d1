"""C5: the unique identifier column names each row once."""

from __future__ import annotations

import pyarrow as pa

from core.checks.check import CheckDefinition, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.sql_models.key_check import KeyCheck, check_key
from core.sql_models.sql_model import SqlModel
from core.warehouses.definition import Kind

MAX_BAD_SHARE = 0.05
EXAMPLES = 3
_NOT_TEXT = (Kind.BYTES, Kind.JSON)

DEFINITION = CheckDefinition(
    code="C5",
    title="The unique identifier column is unique",
    summary="All rows of each SQL model are counted: rows, distinct keys, rows without a key, rows that share a key.",
    needs=("C3",),
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Count the keys of all rows.

    Passes when: the column is set, can be text, is never null and never repeats. Rows without a key or with a shared
    key are rejected one by one by the sync, each with its reason, so a few of them (up to 5 % of the rows) are a
    warning; more than that means that the wrong column was chosen, which is a failure.
    Fix: choose another column, or leave the rows out in the SQL.
    """
    if not context.configuration.sql_models:
        return failed("There is no SQL model.", fix="Press Define Model in step 2, Add connections.")
    return combine([(sql_model.name, _look(context, sql_model)) for sql_model in context.configuration.sql_models])


def _look(context: CheckContext, sql_model: SqlModel) -> Finding:
    key = sql_model.key_column
    column = next((column for column in sql_model.columns if column.name == key), None)
    if column is None:
        return failed(
            f"The SQL model {sql_model.name!r} has no column {key!r}.",
            f"Columns: {', '.join(column.name for column in sql_model.columns)}.",
            "Open Define Model and choose another unique identifier column.",
        )
    if column.kind in _NOT_TEXT:
        return failed(
            f"The unique identifier column {key!r} has the type {column.type}, which cannot be written as text.",
            fix=f"SELECT CAST({key} AS VARCHAR) AS {key}, … -- or choose another column",
        )
    return _judge(sql_model, check_key(context.open_warehouse(sql_model.warehouse_id), sql_model.sql, key))


def _judge(sql_model: SqlModel, found: KeyCheck) -> Finding:
    key = sql_model.key_column
    counts = f"{found.rows:,} rows, {found.distinct:,} distinct values of {key}"
    bad = found.nulls + found.duplicate_rows
    if bad == 0:
        return passed(f"{key} is unique in {sql_model.name!r}.", f"{counts}, none empty, none repeated.")
    evidence = (
        f"{counts}; {found.nulls:,} rows without a value; {found.duplicate_rows:,} rows share "
        f"{found.duplicate_keys:,} values.{_describe_examples(found.duplicates, key)}"
    )
    fix = f"Leave those rows out in the SQL, for example with: WHERE {key} IS NOT NULL. Or choose another column."
    share = bad / found.rows
    cause = f"{bad:,} of {found.rows:,} rows of {sql_model.name!r} ({share:.1%}) have no {key} of their own"
    if share > MAX_BAD_SHARE:
        return failed(f"{cause}.", evidence, "Open Define Model and choose another unique identifier column.")
    return warning(f"{cause}; the sync rejects those rows, each with its reason.", evidence, fix)


def _describe_examples(duplicates: pa.Table, key: str) -> str:
    if duplicates.num_rows == 0 or key not in duplicates.column_names:
        return ""
    values = dict.fromkeys(str(value) for value in duplicates.column(key).to_pylist())
    return f" For example: {', '.join(list(values)[:EXAMPLES])}."
