"""The sync engine: extract, compare with what was acknowledged, commit the plan, deliver, close the sheet.

A run that is found interrupted is finished: a committed plan is carried out to its end with the same idempotency
keys; a run that died before its plan was committed extracts again. See docs/decisions/0002.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import orjson
import pyarrow as pa
from sqlalchemy import delete, select

from core.destinations.destination import DeliveryContext, Operation
from core.destinations.registry import get_action, open_destination
from core.destinations.store import get_destination
from core.errors import (
    CoreError,
    InternalError,
    PrimaryKeyMissing,
    QueryCancelled,
    QueryError,
    QueryTimeout,
    ResultTooLarge,
    RunInProgress,
)
from core.mappings.compile import compile_mapping
from core.mappings.validate import require_complete
from core.records import Json
from core.sql_models.extract import open_extract
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.storage.lease import hold_lease
from core.storage.tables import sql_models, sync_runs, syncs
from core.syncs.comparison import choose_comparison, note_failure, open_compared_rows, record_prints
from core.syncs.delivery import Delivery
from core.syncs.diff.warehouse_diff import WarehouseDiff
from core.syncs.pause import require_unpaused
from core.syncs.prints import Comparison
from core.syncs.records import get_records_path
from core.syncs.run import CONFIRMED, RunState, SyncRun, get_run, list_unfinished_runs, update_run
from core.syncs.sheet import BalanceSheet
from core.syncs.staging import KeysDiffer, KeysShared
from core.syncs.state import SyncState
from core.syncs.state_file import ROWS_TOO_WIDE
from core.syncs.sync import Sync, get_sync
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag, read_columns
from core.warehouses.registry import open_warehouse
from core.warehouses.warehouse import Warehouse
from core.workspaces.audit import record_change
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace

T = TypeVar("T")
_LOG = logging.getLogger("onramp.syncs")
POLL_S = 0.3
SAMPLES = 20
LOOK_S = 2.0
"""How long a run waits for somebody who only looks at the state, as the page of the sync does."""


@dataclass(frozen=True, slots=True)
class PlanSample:
    """One record that would change: its fields as acknowledged and as they are now."""

    operation: Operation
    key: str
    before: dict[str, Json] | None
    after: dict[str, Json] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next run would do. Counts of records; samples of each operation."""

    extracted: int
    added: int
    updated: int
    deleted: int
    unchanged: int
    rejected: int
    samples: tuple[PlanSample, ...]


def execute_run(
    workspace: Workspace,
    run_id: str,
    *,
    progress: Callable[[SyncRun], None] | None = None,
    cancel: CancelToken | None = None,
    confirm_deletes: bool = False,
    wait_s: float = LOOK_S,
) -> SyncRun:
    """Carry out a queued run, or finish an interrupted one; return it when it is over.

    Args:
        workspace: The opened workspace.
        run_id: A run that is not over; one that is over is returned as it is.
        progress: Called with the run whenever its progress was written.
        cancel: Turned to stop at the next batch without ending the run: it is resumed later.
        confirm_deletes: Delete even when the SQL model returns no rows at all; a run asked for as `CONFIRMED` does so.
        wait_s: How long to wait for another process that is at work on this sync.

    Raises:
        RunInProgress: Another process is at work on this sync.
    """
    run = get_run(workspace, run_id)
    if run.is_final:
        return run
    with hold_lease(workspace.database, f"sync:{run.sync_id}", wait_s=wait_s):
        for unfinished in list_unfinished_runs(workspace):
            if unfinished.sync_id == run.sync_id and unfinished.requested_at <= run.requested_at:
                _Execution(workspace, unfinished.id, progress, cancel, confirm_deletes).carry_out()
    return get_run(workspace, run_id)


def plan(workspace: Workspace, sync_id: str) -> Plan:
    """Return what a run would do now; nothing is written and nothing is sent.

    Raises:
        RunInProgress: A run of this sync is going.
    """
    sync = get_sync(workspace, sync_id)
    with hold_lease(workspace.database, f"sync:{sync.id}"), open_state(workspace, sync.id) as state:

        def compare() -> tuple[dict[str, int], list[tuple[str, str, str | None, str | None]]]:
            _stage(workspace, sync, "plan", state, CancelToken(), lambda _: None)
            return state.dry_run(sync.mode, SAMPLES)

        counts, shown = _with_room(state, compare)
    samples = tuple(
        PlanSample(Operation(operation), key, _load(before), _load(after)) for operation, key, before, after in shown
    )
    return Plan(
        extracted=counts["extracted"],
        added=counts.get("added", 0),
        updated=counts.get("updated", 0),
        deleted=counts.get("deleted", 0),
        unchanged=counts["unchanged"],
        rejected=counts["rejected"],
        samples=samples,
    )


def reset(workspace: Workspace, sync_id: str) -> None:
    """Forget what was acknowledged, so that the next run adds every row again.

    Raises:
        RunInProgress: The sync has a run that is not over.
    """
    sync = get_sync(workspace, sync_id)
    with _holding_at_rest(workspace, sync):
        with open_state(workspace, sync.id) as state:
            state.reset()
        with workspace.database.transaction() as connection:
            record_change(connection, workspace, "reset", "sync", sync.id)


def delete_sync(workspace: Workspace, sync_id: str) -> None:
    """Delete a sync with its runs, what they told of each record and what was acknowledged; what was sent stays.

    Its SQL model goes with it where no other sync reads it.

    Raises:
        RunInProgress: The sync has a run that is not over.
    """
    sync = get_sync(workspace, sync_id)
    with _holding_at_rest(workspace, sync):
        with workspace.database.transaction() as connection:
            is_its = sync_runs.c.sync_id == sync.id
            run_ids = connection.execute(select(sync_runs.c.id).where(is_its)).scalars().all()
            connection.execute(delete(sync_runs).where(is_its))
            connection.execute(delete(syncs).where(syncs.c.id == sync.id))
            record_change(connection, workspace, "deleted", "sync", sync.id, before={"name": sync.name})
            reader = select(syncs.c.id).where(syncs.c.sql_model_id == sync.sql_model_id)
            if connection.execute(reader).first() is None:
                connection.execute(delete(sql_models).where(sql_models.c.id == sync.sql_model_id))
                record_change(connection, workspace, "deleted", "sql_model", sync.sql_model_id)
        for path in (_find_state(workspace, sync.id), *(get_records_path(workspace, each) for each in run_ids)):
            path.unlink(missing_ok=True)


@contextmanager
def _holding_at_rest(workspace: Workspace, sync: Sync) -> Iterator[None]:
    with hold_lease(workspace.database, f"sync:{sync.id}"):
        if any(run.sync_id == sync.id for run in list_unfinished_runs(workspace)):
            raise RunInProgress(
                f"The sync {sync.name!r} has a run that is not over.", hint="Cancel it or wait, then try again."
            )
        yield


class _Execution:
    """One run on its way from queued to over."""

    def __init__(
        self,
        workspace: Workspace,
        run_id: str,
        progress: Callable[[SyncRun], None] | None,
        stop: CancelToken | None,
        confirm_deletes: bool,
    ) -> None:
        self._workspace = workspace
        self._run = get_run(workspace, run_id)
        self._report = progress
        self._stop = stop or CancelToken()
        self._confirm_deletes = confirm_deletes or self._run.trigger == CONFIRMED
        self._counts: dict[str, int] = {}

    def carry_out(self) -> None:
        """Take the run to its end; a failure of the run is stored with it, not raised."""
        try:
            self._sync = get_sync(self._workspace, self._run.sync_id)
            with open_state(self._workspace, self._sync.id) as state, self._watch() as cancel:
                self._finish(state, cancel)
        except QueryCancelled:
            if not self._stop.cancelled or get_run(self._workspace, self._run.id).cancel_reason:
                self._end(RunState.CANCELLED, BalanceSheet())
        except CoreError as error:
            self._end(RunState.FAILED, BalanceSheet(), error.to_dict())
        except Exception as error:
            problem = InternalError("The run stopped on an unexpected error.", hint="See the log; then start it again.")
            self._end(RunState.FAILED, BalanceSheet(), problem.to_dict())
            raise problem from error

    def _finish(self, state: SyncState, cancel: CancelToken) -> None:
        phase, owner = state.read_phase()
        if phase != "none" and owner != self._run.id:
            state.clear_plan()  # of a run that was closed in the store already, or is gone from it
            phase = "none"
        if self._run.started_at is None:
            self._write(state=RunState.EXTRACTING, started_at=self._workspace.now())
        else:
            self._write(resumed=self._run.resumed + 1)
        if phase == "closed":
            record_prints(self._workspace, self._sync, state, self._run.id)
            self._close(state, state.read_closed_sheet())
            return
        if phase == "none":
            _with_room(state, lambda: self._plan(state, cancel))
        self._counts |= {"due": state.count_planned(), "done": state.read_last_sent()}
        self._write(state=RunState.DELIVERING)
        self._deliver(state, cancel)
        if self._stop.cancelled and state.read_last_sent() < state.count_planned():
            return  # asked to stop, not to cancel: the plan stays, and the run is resumed
        sheet = state.close_plan(self._sync.mode, get_records_path(self._workspace, self._run.id))
        record_prints(self._workspace, self._sync, state, self._run.id)
        self._close(state, sheet)

    def _plan(self, state: SyncState, cancel: CancelToken) -> None:
        """Extract, compare, and commit what is to be delivered."""
        self._write(state=RunState.EXTRACTING)
        _stage(self._workspace, self._sync, self._run.id, state, cancel, self._count_extracted)
        self._write(state=RunState.COMPARING)
        state.commit_plan(self._run.id, self._sync.mode, confirm_deletes=self._confirm_deletes)

    def _deliver(self, state: SyncState, cancel: CancelToken) -> None:
        require_unpaused(self._workspace, self._sync)
        record = get_destination(self._workspace, self._sync.destination_id)
        context = DeliveryContext(
            source_id=self._sync.source_id,
            sync_id=self._sync.id,
            run_id=self._run.id,
            sql_model_id=self._sync.sql_model_id,
            action=self._sync.action,
        )
        delivery = Delivery(
            open_destination(self._workspace, record.kind),
            context,
            is_cancelled=lambda: cancel.cancelled and not self._stop.cancelled,
            is_stopping=lambda: self._stop.cancelled,
            on_progress=self._count_delivered,
        )
        delivery.carry_out(state)

    def _close(self, state: SyncState, sheet: BalanceSheet) -> None:
        if "cancelled" in sheet.reasons:
            final = RunState.CANCELLED
        elif sheet.is_clean:
            final = RunState.SUCCEEDED
        elif sheet.delivered or sheet.unchanged or sheet.deleted_delivered or sheet.extracted == 0:
            final = RunState.PARTLY_SUCCEEDED
        else:
            final = RunState.FAILED
        self._end(final, replace(sheet, compared_here=state.prints.why_here))
        state.clear_plan()

    def _end(self, final: RunState, sheet: BalanceSheet, error: dict[str, object] | None = None) -> None:
        self._write(state=final, sheet=sheet.to_dict(), error=error, finished_at=self._workspace.now())

    def _count_extracted(self, rows: int) -> None:
        self._counts["extracted"] = rows

    def _count_delivered(self, done: int) -> None:
        self._counts["done"] = done

    def _write(self, **values: object) -> None:
        update_run(self._workspace, self._run.id, progress=dict(self._counts), **values)
        if self._report is not None:
            self._report(get_run(self._workspace, self._run.id))

    @contextmanager
    def _watch(self) -> Iterator[CancelToken]:
        """Yield a token that turns when a person cancels the run, in whatever process, or when work must stop.

        Progress is written beside that, because delivery must not wait for whoever else writes to the store.
        """
        token, over = CancelToken(), threading.Event()
        forget = self._stop.on_cancel(lambda: token.cancel("The worker is stopping."))

        def watch() -> None:
            written: dict[str, int] = {}
            while not over.wait(POLL_S):
                if get_run(self._workspace, self._run.id).cancel_reason is not None:
                    token.cancel("The run was cancelled.")
                    return
                if written != self._counts:
                    written = dict(self._counts)
                    with suppress(CoreError):  # no run stops because its progress cannot be shown
                        self._write()

        watcher = threading.Thread(target=watch, name=f"watch {self._run.id}", daemon=True)
        if self._run.cancel_reason is not None:
            token.cancel("The run was cancelled.")
        watcher.start()
        try:
            yield token
        finally:
            over.set()
            watcher.join()
            forget()


def _with_room(state: SyncState, compare: Callable[[], T]) -> T:
    """Do `compare`, and once more with more memory where rows are too wide for what it had."""
    try:
        return compare()
    except ResultTooLarge as error:
        if error.code != ROWS_TOO_WIDE or not state.enlarge():
            raise
        return _with_room(state, compare)


def _stage(
    workspace: Workspace,
    sync: Sync,
    run_id: str,
    state: SyncState,
    cancel: CancelToken,
    on_rows: Callable[[int], None],
) -> None:
    require_unpaused(workspace, sync)
    model = get_sql_model(workspace, sync.sql_model_id)
    with open_warehouse(workspace, model.warehouse_id) as warehouse:
        warehouse.query_tag = QueryTag(sync.id, run_id)
        comparison = choose_comparison(warehouse, sync, model, state)
        failure: tuple[Comparison, QueryError] | None = None
        while True:
            try:
                _stage_rows(workspace, warehouse, sync, model, state, comparison, cancel, on_rows)
                break
            except KeysShared:
                comparison = comparison and comparison._replace(may_count=False)
            except KeysDiffer:
                _LOG.warning("keys differ between warehouse and state; every row is read", extra={"sync": sync.id})
                comparison = None
            except QueryError as error:
                if comparison is None or isinstance(error, QueryTimeout | QueryCancelled):
                    raise
                failure = (comparison, error)  # of what we ask beside the model, unless the model fails by itself
                comparison = None
    if failure is not None:
        note_failure(sync, state, *failure)


def _stage_rows(
    workspace: Workspace,
    warehouse: Warehouse,
    sync: Sync,
    model: SqlModel,
    state: SyncState,
    comparison: Comparison | None,
    cancel: CancelToken,
    on_rows: Callable[[int], None],
) -> None:
    action = get_action(get_destination(workspace, sync.destination_id).kind, sync.action)
    diff = WarehouseDiff(warehouse, sync.id) if comparison is not None else None
    if comparison is None or diff is None:
        rows = open_extract(warehouse, model, cancel)
    else:
        rows = open_compared_rows(diff, warehouse.dialect, model, comparison, cancel)
    with closing(rows) as batches:
        first = next(batches)
        columns = read_columns(first.schema)
        _require_key(model, [column.name for column in columns])
        require_complete(sync.mapping, action.fields, columns)
        compiled = compile_mapping(
            sync.mapping, action.fields, columns, model.key_column, max_row_bytes=action.max_row_bytes
        )
        staged = state.stage(_count(first, batches, on_rows), compiled, comparison, list_suppressed(workspace).keys())
    if diff is not None and diff.total not in (None, staged):
        raise KeysShared


def _count(
    first: pa.RecordBatch, rest: Iterator[pa.RecordBatch], on_rows: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    total = first.num_rows
    on_rows(total)
    yield first
    for batch in rest:
        total += batch.num_rows
        on_rows(total)
        yield batch


def _require_key(model: SqlModel, names: list[str]) -> None:
    if model.key_column not in names:
        raise PrimaryKeyMissing(
            f"The unique identifier column {model.key_column!r} is no longer in the SQL model {model.name!r}.",
            hint="Put it back into the SQL, or choose another column in Define Model.",
        )


def open_state(workspace: Workspace, sync_id: str) -> SyncState:
    """Return the state of a sync; only the holder of its lease may open it."""
    return SyncState(_find_state(workspace, sync_id), sync_id)


def _find_state(workspace: Workspace, sync_id: str) -> Path:
    return workspace.home.sync_state / f"{sync_id}.duckdb"


def _load(payload: str | None) -> dict[str, Json] | None:
    return None if payload is None else orjson.loads(payload)
