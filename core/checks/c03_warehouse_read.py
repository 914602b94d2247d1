"""C3: the SQL model can be read."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.sql_models.preview import preview
from core.sql_models.sql_model import SqlModel

DEFINITION = CheckDefinition(
    code="C3",
    title="The SQL model returns rows",
    summary="Each SQL model's query is run for its first 10 rows.",
    needs=("C2",),
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Run each SQL model.

    Passes when: the query runs and returns at least one row; no row at all is a warning, because the table may still
    be empty.
    Fix: what the warehouse answered: the missing table, column or SELECT grant.
    """
    if not context.configuration.sql_models:
        return failed("There is no SQL model.", fix="Press Define Model in step 2, Add connections.")
    return combine([(sql_model.name, _look(context, sql_model)) for sql_model in context.configuration.sql_models])


def _look(context: CheckContext, sql_model: SqlModel) -> Finding:
    found = preview(context.open_warehouse(sql_model.warehouse_id), sql_model.sql)
    columns = ", ".join(column.name for column in found.columns)
    if found.rows.num_rows == 0:
        return warning(
            f"The SQL model {sql_model.name!r} runs but returns no rows.",
            f"Columns: {columns}.",
            "Check the WHERE clause, or wait until the table has rows.",
        )
    changed = _describe_changed_columns(sql_model, {column.name for column in found.columns})
    if changed:
        return warning(
            f"The SQL model {sql_model.name!r} returns other columns than when it was saved.",
            changed,
            "Open Define Model, press Preview and save it again.",
        )
    rows = f"{found.rows.num_rows} rows of {len(found.columns)} columns in {found.took_ms} ms."
    return passed(f"The SQL model {sql_model.name!r} runs.", f"{rows} Columns: {columns}.")


def _describe_changed_columns(sql_model: SqlModel, now: set[str]) -> str:
    saved = {column.name for column in sql_model.columns}
    gone, new = sorted(saved - now), sorted(now - saved)
    parts = [f"Gone: {', '.join(gone)}." if gone else "", f"New: {', '.join(new)}." if new else ""]
    return " ".join(part for part in parts if part)
