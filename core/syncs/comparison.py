"""Where a run compares: inside the warehouse, with a copy that can be trusted or anew, or here. See decision 0009."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator

import pyarrow as pa

from core.errors import CoreError, PermissionMissing
from core.records import canonical_json
from core.sql_models.guard import check_query
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.syncs.diff.registry import DIFF_DIALECTS
from core.syncs.diff.warehouse_diff import WarehouseDiff, find_misfit
from core.syncs.prints import Comparison
from core.syncs.state import SyncState
from core.syncs.sync import Sync
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, QueryTag
from core.warehouses.registry import open_warehouse
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace

_LOG = logging.getLogger("onramp.syncs")


def choose_comparison(warehouse: Warehouse, sync: Sync, model: SqlModel, state: SyncState) -> Comparison | None:
    """Return how this run compares inside the warehouse; None where it cannot, or a person does not want it.

    Raises:
        CoreError: The warehouse cannot be used, or refuses the SQL model.
    """
    if state.prints.is_local or warehouse.dialect not in DIFF_DIALECTS:
        return None
    query = check_query(model.sql, warehouse.dialect).sql
    columns = {column.name: column for column in warehouse.describe(query)}
    names = _list_columns(sync, model)
    if any(name not in columns for name in names):
        return None  # the plain way explains what is missing
    needed = tuple(columns[name] for name in names)
    misfit = find_misfit(warehouse.dialect, needed)
    if misfit:
        state.prints.explain(misfit)
        return None
    recipe = _write_recipe(sync, model, [(column.type, column.zone) for column in needed])
    if state.prints.has_given_up(recipe):
        return None
    comparison = _choose(WarehouseDiff(warehouse, sync.id), state, recipe, needed)
    if comparison is not None:
        state.prints.explain("")
    return comparison


def _choose(diff: WarehouseDiff, state: SyncState, recipe: str, needed: tuple[ColumnType, ...]) -> Comparison | None:
    trusted = state.prints.read_generation()
    if trusted is not None and trusted.recipe == recipe and diff.read_generation() == trusted.name:
        known = diff.count_records()
        if known is not None and known == state.count_acknowledged():
            return Comparison(False, known, recipe, needed)
    try:
        diff.prepare()
    except PermissionMissing as error:  # a read-only login: the state is kept beside the workspace
        state.prints.explain(error.message, grant=str(error.context.get("grant", "")))
        return None
    return Comparison(True, 0, recipe, needed)


def open_compared_rows(
    diff: WarehouseDiff, dialect: str, model: SqlModel, comparison: Comparison, cancel: CancelToken
) -> Generator[pa.RecordBatch, None, None]:
    """Yield the mapped columns of the rows that the warehouse has not vouched for, with its own columns beside them."""
    yield from diff.open_rows(
        check_query(model.sql, dialect).sql,
        model.key_column,
        comparison.columns,
        is_complete=comparison.is_complete,
        may_count=comparison.may_count,
        cancel=cancel,
    )


def note_failure(sync: Sync, state: SyncState, comparison: Comparison, error: CoreError) -> None:
    """Remember that the warehouse failed to compare, and every row was read in its place.

    Where it failed at its prints alone, with no table of ours in the question, the next runs do not try again.
    """
    _LOG.warning("the warehouse cannot compare; every row is read", extra={"sync": sync.id, "why": str(error)})
    why = f"The warehouse failed to compare them: {error.message}"
    if comparison.is_complete:
        state.prints.give_up(comparison.recipe, why)
    else:
        state.prints.explain(why)


def record_prints(workspace: Workspace, sync: Sync, state: SyncState, run_id: str) -> None:
    """Tell the warehouse what was acknowledged, once the plan is closed; a failure costs the next run a full read."""
    kept = state.prints.read_kept()
    if not kept:
        return
    try:
        model = get_sql_model(workspace, sync.sql_model_id)
        with open_warehouse(workspace, model.warehouse_id) as warehouse:
            warehouse.query_tag = QueryTag(sync.id, run_id)
            diff = WarehouseDiff(warehouse, sync.id)
            diff.record(state.prints.iterate(), run_id, is_complete=kept == "complete")
    except CoreError as error:
        _LOG.warning("the warehouse was not told what was acknowledged", extra={"sync": sync.id, "why": str(error)})
    else:
        state.prints.trust(run_id)


def _list_columns(sync: Sync, model: SqlModel) -> tuple[str, ...]:
    return tuple(dict.fromkeys([model.key_column, *sync.mapping.columns()]))


def _write_recipe(sync: Sync, model: SqlModel, types: list[tuple[str, str]]) -> str:
    """Return a text that differs wherever equal prints could stand for different payloads."""
    parts = [model.key_column, sync.action, sync.mapping.to_dict(), [list(each) for each in types]]
    return hashlib.blake2b(canonical_json(parts), digest_size=16).hexdigest()
