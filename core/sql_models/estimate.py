"""What a SQL model would cost, before it runs."""

from __future__ import annotations

from core.sql_models.guard import check_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import CostEstimate
from core.warehouses.warehouse import Warehouse

ESTIMATE_TIMEOUT_S = 10.0
EXPENSIVE_BYTES = 100 * 1024**3
"""A query that reads this much is run only after a person has agreed. On BigQuery, which bills by what is read, it is
more than half a dollar at its list price of 2026; a preview is followed by up to three more questions about all rows.
"""


def estimate_cost(
    warehouse: Warehouse, sql: str, *, timeout_s: float = ESTIMATE_TIMEOUT_S, cancel: CancelToken | None = None
) -> CostEstimate:
    """Return what a query that a person typed would cost, as far as the engine tells; nothing runs.

    Raises:
        NotReadOnly, SqlSyntaxError: The guard or the warehouse refuses the text.
        CoreError: The warehouse cannot be used, or took too long to tell.
    """
    return warehouse.estimate(check_query(sql, warehouse.dialect).sql, timeout_s=timeout_s, cancel=cancel)


def is_expensive(estimate: CostEstimate) -> bool:
    """Say whether a person should agree before such a query runs; what cannot be told is not expensive.

    Rows alone never are: they cost no money, and each query has its time-out.
    """
    return estimate.scanned_bytes is not None and estimate.scanned_bytes >= EXPENSIVE_BYTES
