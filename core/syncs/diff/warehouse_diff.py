"""One sync's side in its warehouse: the keys and prints of what was acknowledged, and what differs from them.

What the warehouse holds is a checked copy, never the truth: that is the sync's own state. Both carry a generation;
where the two differ (a crash between two writes, a home restored from a backup, a dropped schema) every row is read
once and compared with the state, nothing is sent again that was acknowledged, and the copy is written anew. See
docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import InternalError, QueryError
from core.syncs.diff.dialect import DiffDialect
from core.syncs.diff.registry import get_diff_dialect
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.warehouse import Warehouse

KEY_KINDS = (Kind.TEXT, Kind.INTEGER)
"""Keys of these kinds have one text, the same in every engine and in the sync's state."""
OWN_TIMEOUT_S = 60.0
"""How long a question about our own tables may take."""


def find_misfit(dialect: str, columns: Sequence[ColumnType]) -> str:
    """Return, in a sentence, why rows of these columns, of which the first is the key, cannot be compared inside."""
    key = columns[0]
    if key.kind not in KEY_KINDS:
        return (
            f"The unique identifier {key.name} is a {key.type}: only texts and whole numbers are written in one way"
            " there and here."
        )
    odd = next((column for column in columns if not get_diff_dialect(dialect).can_print(column)), None)
    return "" if odd is None else f"The warehouse cannot compare values of the type {odd.type}, as in {odd.name}."


class WarehouseDiff:
    """The tables of one sync in the schema `__onramp` of an opened warehouse."""

    def __init__(self, warehouse: Warehouse, sync_id: str) -> None:
        self._warehouse = warehouse
        self._dialect: DiffDialect = get_diff_dialect(warehouse.dialect)
        self._records = self._dialect.name_table(f"records_{_require_plain(sync_id)}")
        self._incoming = self._dialect.name_table(f"incoming_{sync_id}")
        self._generation = self._dialect.name_table(f"generation_{sync_id}")
        self.total: int | None = None
        """How many rows the query has by the engine's count, once `open_rows` has ended; None: it was not asked."""

    def prepare(self) -> None:
        """Make the schema and the tables where they are missing.

        Raises:
            PermissionMissing: The login may not write; the hint names the grant.
        """
        with self._warehouse.open_state_session() as session:
            session.execute(self._dialect.create_schema_sql())
            session.execute(self._dialect.create_records_sql(self._records))

    def read_generation(self) -> str | None:
        """Return the generation that the warehouse holds; None where it holds none, or no table of ours."""
        sql = f"SELECT max(generation) AS generation FROM {self._generation}"  # noqa: S608 - a name of ours
        try:
            return self._read_one(sql)
        except QueryError:
            return None  # the schema was never made, somebody dropped it, or holds a lock on the table

    def count_records(self) -> int | None:
        """Return how many acknowledged records the warehouse knows; None where it does not say."""
        try:
            return int(self._read_one(f"SELECT count(*) AS n FROM {self._records}") or 0)  # noqa: S608
        except QueryError:
            return None  # somebody dropped the table, or holds a lock on it

    def open_rows(
        self,
        query: str,
        key_column: str,
        columns: Sequence[ColumnType],
        *,
        is_complete: bool,
        may_count: bool = False,
        cancel: CancelToken | None = None,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield rows with their key and print (`core.syncs.diff.dialect`): all of them, or those that differ.

        Args:
            query: A guarded query.
            key_column: Its key.
            columns: What is to be compared.
            is_complete: Whether all rows are wanted.
            may_count: Whether rows that share an unchanged key may be left out where that is cheaper; `total` tells
                then whether there are any.
            cancel: Turned to stop.
        """
        self.total = None
        if is_complete:
            yield from self._warehouse.stream(self._dialect.all_rows_sql(query, key_column, columns), cancel=cancel)
            return
        sql = self._dialect.changed_rows_sql(query, key_column, columns, self._records)
        counted = self._dialect.counted_rows_sql(query, key_column, columns, self._records) if may_count else None
        if counted is None or not self._is_cheaper(counted, sql):
            yield from self._warehouse.stream(sql, cancel=cancel)
            return
        for batch in self._warehouse.stream(counted, cancel=cancel):
            yield self._take_total(batch)

    def record(self, acknowledged: Iterable[pa.RecordBatch], generation: str, *, is_complete: bool) -> None:
        """Bring the copy up to what was acknowledged.

        The generation goes first and comes last, so that a crash in between leaves a copy that nobody trusts.

        Args:
            acknowledged: record_id and print, each key once; a NULL print for a record that was deleted.
            generation: What both sides hold from now on.
            is_complete: Whether `acknowledged` is all there is, or what changed.
        """
        target = self._records if is_complete else self._incoming
        with self._warehouse.open_state_session() as session:
            session.execute(self._dialect.drop_sql(self._generation))
            session.execute(self._dialect.drop_sql(target))
            session.execute(self._dialect.create_records_sql(target))
            loaded = session.load(target, acknowledged)
            for sql in self._dialect.settle_sql(target):
                session.execute(sql)
            if not is_complete:
                if loaded:
                    for sql in self._dialect.apply_sql(self._incoming, self._records):
                        session.execute(sql)
                session.execute(self._dialect.drop_sql(self._incoming))
            session.execute(self._dialect.create_generation_sql(self._generation, _require_plain(generation)))

    def forget(self) -> None:
        """Drop what the warehouse holds of this sync."""
        with self._warehouse.open_state_session() as session:
            for table in (self._generation, self._records, self._incoming):
                session.execute(self._dialect.drop_sql(table))

    def _is_cheaper(self, sql: str, other: str) -> bool:
        costs = [self._warehouse.estimate(each).planner_cost for each in (sql, other)]
        return costs[0] is not None and costs[1] is not None and costs[0] < costs[1]

    def _take_total(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        totals = batch.column(batch.num_columns - 1)
        if totals.null_count < len(totals):
            self.total = pc.max(totals).as_py()
            batch = batch.filter(pc.is_null(totals))
        return batch.select(list(range(batch.num_columns - 1)))

    def _read_one(self, sql: str) -> str | None:
        value = self._warehouse.query(sql, timeout_s=OWN_TIMEOUT_S).columns[0][0].as_py()
        return None if value is None else str(value)


def _require_plain(text: str) -> str:
    if not text.replace("_", "").isalnum() or not text.isascii():
        raise InternalError(f"{text!r} cannot be part of a table's name.", hint="Report this.")
    return text
