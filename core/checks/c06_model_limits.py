"""C6: the SQL model keeps the documented limits."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, failed, passed
from core.checks.context import CheckContext
from core.sql_models.guard import check_query
from core.sql_models.limits import MAX_COLUMN_NAME_CHARS, MAX_COLUMNS, MAX_KEY_NAME_CHARS, MAX_SQL_CHARS
from core.sql_models.sql_model import SqlModel

DEFINITION = CheckDefinition(
    code="C6",
    title="The SQL model keeps the limits",
    summary="One read-only statement; length of the SQL, number of columns, length of their names.",
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Measure each SQL model against the limits.

    Passes when: the SQL is one read-only query of at most 65,535 characters with at most 512 columns, whose names
    have at most 128 characters (the key column's at most 191).
    Fix: shorten the SQL, or name the columns that are needed instead of selecting all.
    """
    if not context.configuration.sql_models:
        return failed("There is no SQL model.", fix="Press Define Model in step 2, Add connections.")
    return combine([(sql_model.name, _look(context, sql_model)) for sql_model in context.configuration.sql_models])


def _look(context: CheckContext, sql_model: SqlModel) -> Finding:
    name = sql_model.name
    check_query(sql_model.sql, context.get_dialect(sql_model.warehouse_id))
    longest = max((column.name for column in sql_model.columns), key=len, default="")
    evidence = (
        f"{len(sql_model.sql):,} of {MAX_SQL_CHARS:,} characters; {len(sql_model.columns)} of {MAX_COLUMNS} columns; "
        f"longest column name {longest!r} has {len(longest)} of {MAX_COLUMN_NAME_CHARS} characters."
    )
    if len(sql_model.sql) > MAX_SQL_CHARS:
        return failed(f"The SQL of {name!r} is too long.", evidence, f"Shorten it to {MAX_SQL_CHARS:,} characters.")
    if len(sql_model.columns) > MAX_COLUMNS:
        return failed(f"{name!r} returns too many columns.", evidence, "Name the columns you need instead of using *.")
    if len(longest) > MAX_COLUMN_NAME_CHARS or len(sql_model.key_column) > MAX_KEY_NAME_CHARS:
        return failed(f"{name!r} has a column name that is too long.", evidence, "Give it a shorter name with AS.")
    return passed(f"{name!r} keeps every limit.", evidence)
