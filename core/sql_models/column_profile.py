"""Every column over all rows: how much is missing, how many values, the longest, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import ResultTooLarge
from core.sql_models.ask import ask
from core.sql_models.dialects.registry import get_dialect
from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.warehouse import Warehouse

PROFILE_TIMEOUT_S = 120.0
COLUMNS_AT_ONCE = 64


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
    profiles: list[ColumnProfile] = []
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        profiles += _profile(warehouse, query, columns[start : start + COLUMNS_AT_ONCE], timeout_s, cancel)
    return tuple(profiles)


def _profile(
    warehouse: Warehouse, query: str, columns: Sequence[ColumnType], timeout_s: float, cancel: CancelToken | None
) -> list[ColumnProfile]:
    question = get_dialect(warehouse.dialect).profile_sql(query, columns)
    try:
        row = ask(warehouse, question, query, timeout_s=timeout_s, cancel=cancel).to_pylist()[0]
    except ResultTooLarge:
        if len(columns) == 1:
            raise
        # Distinct values are counted exactly, which takes memory for each column: ask for fewer at once
        middle = len(columns) // 2
        first = _profile(warehouse, query, columns[:middle], timeout_s, cancel)
        return first + _profile(warehouse, query, columns[middle:], timeout_s, cancel)
    return [_read_profile(row, index, column) for index, column in enumerate(columns)]


def _read_profile(row: Mapping[str, Any], index: int, column: ColumnType) -> ColumnProfile:
    rows = int(row["rows"])
    nulls = rows - int(row[f"filled_{index}"])
    return ColumnProfile(
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
