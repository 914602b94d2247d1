"""The rows most likely to cause trouble, instead of the first ten: they are what a preview should have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.sql_models.ask import ask
from core.sql_models.column_profile import ColumnProfile
from core.sql_models.dialects.registry import get_dialect
from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.warehouse import Warehouse

SHOWN_ROWS = 10
LONG_CHARS = 1_000
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class WorstRows:
    """One group: `kind` is duplicate_key, null_key, longest, non_ascii or out_of_range."""

    kind: str
    title: str
    explanation: str
    rows: pa.Table


def find_worst_rows(
    warehouse: Warehouse,
    sql: str,
    key_column: str | None,
    profiles: Sequence[ColumnProfile],
    *,
    cancel: CancelToken | None = None,
) -> tuple[WorstRows, ...]:
    """Return the groups that have rows, up to ten rows each.

    Raises:
        QueryError: As for a preview.
    """
    query = check_query(sql, warehouse.dialect).sql
    dialect = get_dialect(warehouse.dialect)
    columns = [ColumnType(profile.name, profile.type, profile.kind) for profile in profiles]
    asked: list[tuple[str, str, str, str]] = []
    if key_column is not None:
        asked += [
            (
                "duplicate_key",
                "Duplicate keys",
                f"Rows that share a value of {key_column}. The sync rejects them all, each with its reason.",
                dialect.duplicate_rows_sql(query, key_column, SHOWN_ROWS),
            ),
            (
                "null_key",
                "Missing keys",
                f"Rows without a value of {key_column}. The sync rejects them.",
                dialect.where_sql(query, dialect.is_blank(key_column), SHOWN_ROWS),
            ),
        ]
    if any(profile.longest_chars >= LONG_CHARS for profile in profiles):
        asked.append(
            (
                "longest",
                "Longest values",
                "Values above 128 KiB are rejected; very long ones are rarely meant.",
                dialect.longest_sql(query, columns, SHOWN_ROWS),
            )
        )
    texts = [dialect.is_not_ascii(column.name) for column in columns if column.kind is Kind.TEXT]
    if texts:
        asked.append(
            (
                "non_ascii",
                "Letters beyond ASCII",
                "Names such as Müller, Đặng or 山田. Check that they look right: they are sent as they are.",
                dialect.where_sql(query, " OR ".join(texts), SHOWN_ROWS),
            )
        )
    ranges = [condition for column in columns if (condition := dialect.is_out_of_range(column)) is not None]
    if ranges:
        asked.append(
            (
                "out_of_range",
                "Out of range",
                "Numbers too large for a double, dates before 1900 or more than a year ahead.",
                dialect.where_sql(query, " OR ".join(ranges), SHOWN_ROWS),
            )
        )
    found = []
    for kind, title, explanation, question in asked:
        rows = ask(warehouse, question, query, timeout_s=TIMEOUT_S, cancel=cancel)
        if rows.num_rows:
            found.append(WorstRows(kind, title, explanation, rows))
    return tuple(found)
