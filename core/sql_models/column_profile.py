"""Every column over all rows: how much is missing, how many values, the longest, examples. One query."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from core.sql_models.dialects.registry import get_dialect
from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import Kind
from core.warehouses.warehouse import Warehouse

PROFILE_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column over all rows. `null_share` is 0 to 1; `longest_chars` counts characters of the value as text."""

    name: str
    type: str
    kind: Kind
    rows: int
    nulls: int
    null_share: float
    distinct: int
    longest_chars: int
    longest: str | None
    minimum: str | None
    maximum: str | None
    sample: tuple[str, ...]

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.nulls == 0 and self.distinct == self.rows


def profile_columns(
    warehouse: Warehouse,
    sql: str,
    *,
    timeout_s: float = PROFILE_TIMEOUT_S,
    cancel: CancelToken | None = None,
) -> tuple[ColumnProfile, ...]:
    """Return one profile a column, in the order of the result.

    Raises:
        QueryError: As for a preview.
    """
    query = check_query(sql, warehouse.dialect).sql
    columns = warehouse.describe(query)
    profile_sql = get_dialect(warehouse.dialect).profile_sql(query, columns)
    row = warehouse.query(profile_sql, timeout_s=timeout_s, cancel=cancel).to_pylist()[0]
    rows = int(row["rows"])
    profiles = []
    for index, column in enumerate(columns):
        filled = int(row[f"filled_{index}"])
        nulls = rows - filled
        profiles.append(
            ColumnProfile(
                name=column.name,
                type=column.type,
                kind=column.kind,
                rows=rows,
                nulls=nulls,
                null_share=nulls / rows if rows else 0.0,
                distinct=int(row[f"distinct_{index}"]),
                longest_chars=int(row[f"longest_chars_{index}"] or 0),
                longest=row[f"longest_{index}"],
                minimum=row[f"minimum_{index}"],
                maximum=row[f"maximum_{index}"],
                sample=tuple(orjson.loads(row[f"sample_{index}"] or "[]")),  # lists travel as JSON text
            )
        )
    return tuple(profiles)
