"""All rows of a SQL model, in Arrow batches. The stored text is guarded again: it is not trusted for being stored."""

from __future__ import annotations

from collections.abc import Generator

import pyarrow as pa

from core.sql_models.guard import check_query
from core.sql_models.sql_model import SqlModel
from core.warehouses.cancel import CancelToken
from core.warehouses.warehouse import Warehouse


def open_extract(
    warehouse: Warehouse, sql_model: SqlModel, cancel: CancelToken | None = None
) -> Generator[pa.RecordBatch, None, None]:
    """Yield the rows; at least one batch comes, which may be empty. Closing the generator stops the query.

    Raises:
        QueryError: As `Warehouse.stream` raises; `NotReadOnly` where the stored text is not one read-only query.
    """
    yield from warehouse.stream(check_query(sql_model.sql, warehouse.dialect).sql, cancel=cancel)
