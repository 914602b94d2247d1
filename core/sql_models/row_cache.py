"""Rows of SQL models kept as Arrow from one check to the next, for as long as their warehouse's data is the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.sql_models.dialects.registry import get_dialect
from core.sql_models.guard import check_query
from core.sql_models.sql_model import SqlModel
from core.warehouses.cancel import CancelToken
from core.warehouses.warehouse import STREAM_TIMEOUT_S, Warehouse

MAX_BYTES = 256 * 1024**2

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Rows:
    data_version: str
    columns: frozenset[str]
    batches: tuple[pa.RecordBatch, ...]

    @property
    def size_bytes(self) -> int:
        return sum(batch.nbytes for batch in self.batches)


class RowCache:
    """The rows read last, up to `max_bytes` of them. Share it between threads.

    Rows are kept only where the warehouse can tell that its data has not changed (`Warehouse.read_data_version`).
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[_Key, _Rows] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self,
        warehouse: Warehouse,
        sql_model: SqlModel,
        columns: Sequence[str],
        *,
        timeout_s: float = STREAM_TIMEOUT_S,
        cancel: CancelToken | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield all rows of the model with at least `columns`; at least one batch comes, which may be empty.

        Raises:
            QueryError: As `Warehouse.stream` raises; `NotReadOnly` where the stored text is not one read-only query.
        """
        key = (sql_model.warehouse_id, sql_model.sql)
        # before the rows: a change in between makes the version too old, and the rows are read once more
        version = warehouse.read_data_version()
        kept = self._find(key, version)
        if kept is not None and kept.columns.issuperset(columns):
            yield from kept.batches
            return
        # a column just taken out of the mapping is likely to come back
        wanted = list(dict.fromkeys([*columns, *sorted(kept.columns if kept else ())]))
        query = check_query(sql_model.sql, warehouse.dialect).sql
        narrow = get_dialect(warehouse.dialect).columns_sql(query, wanted)
        batches: list[pa.RecordBatch] = []
        size_bytes = 0
        for batch in warehouse.stream(narrow, timeout_s=timeout_s, cancel=cancel):
            size_bytes += batch.nbytes
            if version is not None and size_bytes <= self._max_bytes:
                batches.append(batch)
            else:
                batches.clear()
            yield batch
        if version is not None and size_bytes <= self._max_bytes:
            self._keep(key, _Rows(version, frozenset(wanted), tuple(batches)))

    def _find(self, key: _Key, version: str | None) -> _Rows | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.data_version != version:
                return None
            self._kept.move_to_end(key)
            return kept

    def _keep(self, key: _Key, rows: _Rows) -> None:
        with self._lock:
            self._kept[key] = rows
            self._kept.move_to_end(key)
            while sum(each.size_bytes for each in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)
