"""The unique identifier column: proposed from the data, verified on all rows, duplicates shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.sql_models.ask import ask
from core.sql_models.column_profile import ColumnProfile
from core.sql_models.dialects.registry import get_dialect
from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import Kind
from core.warehouses.warehouse import Warehouse

SHOWN_ROWS = 50
CHECK_TIMEOUT_S = 120.0
_KEY_NAMES = re.compile(r"(^id$|_id$|^uuid$|_uuid$|^key$|_key$|_no$|_number$|^email$|^e_mail$)", re.IGNORECASE)
_KEY_KINDS = (Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.OTHER)


@dataclass(frozen=True, slots=True)
class KeyProposal:
    """The column to propose, or None, and a sentence why."""

    column: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """A key column over all rows. `duplicates` holds up to 50 rows that share a key, those of one key together."""

    rows: int
    distinct: int
    nulls: int
    duplicate_keys: int
    duplicate_rows: int
    duplicates: pa.Table

    @property
    def ok(self) -> bool:
        """Whether every row has a key of its own."""
        return self.nulls == 0 and self.duplicate_rows == 0


def propose_key(profiles: Sequence[ColumnProfile]) -> KeyProposal:
    """Return the column that names each row best: unique and filled, with a name like one, leftmost."""
    fitting = [profile for profile in profiles if profile.kind in _KEY_KINDS]
    rows = profiles[0].rows if profiles else 0
    if rows == 0:
        named = next((profile.name for profile in fitting if _KEY_NAMES.search(profile.name)), None)
        return KeyProposal(named, "The query returns no rows, so the proposal goes by the column's name alone.")
    unique = [profile for profile in fitting if profile.is_unique]
    for profile in [*(item for item in unique if _KEY_NAMES.search(item.name)), *unique]:
        return KeyProposal(profile.name, f"{profile.name} is filled and different in all {rows:,} rows.")
    if not fitting:
        return KeyProposal(None, "No column of the result can be text, so none can name a record.")
    best = max(fitting, key=lambda profile: profile.distinct)
    return KeyProposal(
        None,
        f"No column is unique. {best.name} comes closest: {best.distinct:,} different values in {rows:,} rows, "
        f"{best.nulls:,} empty.",
    )


def check_key(warehouse: Warehouse, sql: str, key_column: str, *, cancel: CancelToken | None = None) -> KeyCheck:
    """Count keys over all rows and fetch the rows that share one.

    Raises:
        QueryError: As for a preview.
    """
    query = check_query(sql, warehouse.dialect).sql
    dialect = get_dialect(warehouse.dialect)
    question = dialect.key_counts_sql(query, key_column)
    counts = ask(warehouse, question, query, timeout_s=CHECK_TIMEOUT_S, cancel=cancel).to_pylist()[0]
    question = dialect.duplicate_rows_sql(query, key_column, SHOWN_ROWS if counts["duplicate_rows"] else 0)
    duplicates = ask(warehouse, question, query, timeout_s=CHECK_TIMEOUT_S, cancel=cancel)
    return KeyCheck(
        rows=int(counts["rows"]),
        distinct=int(counts["distinct_keys"]),
        nulls=int(counts["nulls"]),
        duplicate_keys=int(counts["duplicate_keys"]),
        duplicate_rows=int(counts["duplicate_rows"]),
        duplicates=duplicates,
    )
