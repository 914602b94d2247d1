"""Trying a mapping before it is created: suggestions, the check over all rows, a test record (W32-W34)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation, Outcome
from core.destinations.identify import make_identify
from core.destinations.registry import open_destination
from core.destinations.segment_profiles import DEFINITION, SEND_IDENTIFY
from core.errors import IllegalTransition, MappingError
from core.ids import new_id
from core.mappings.check import CHECK_TIMEOUT_S, MappingReport, check_mapping
from core.mappings.compile import REASONS, compile_mapping
from core.mappings.engine import open_engine
from core.mappings.mapping import FieldMapping
from core.mappings.suggest import Suggestion, suggest_mapping
from core.mappings.validate import require_complete
from core.records import Json
from core.setup.status import Setup, get_setup
from core.sql_models.column_profile import profile_columns
from core.sql_models.preview import preview
from core.sql_models.row_cache import RowCache
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import read_columns
from core.warehouses.registry import open_warehouse
from core.workspaces.workspace import Workspace

TEST_ROWS = 100


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """One row as the mapping sends it. `message` is what is sent, but for the time of its arrival."""

    record: DeliveryRecord
    message: dict[str, Json]


def suggest_draft_mapping(workspace: Workspace, *, cancel: CancelToken | None = None) -> Sequence[Suggestion]:
    """Return which columns seem to fit which fields, each with its reason; nothing is mapped by it."""
    _, sql_model = _read(workspace)
    with open_warehouse(workspace, sql_model.warehouse_id) as warehouse:
        profiles = profile_columns(warehouse, sql_model.sql, cancel=cancel)
    return suggest_mapping(sql_model.columns, profiles, SEND_IDENTIFY.fields)


def check_draft_mapping(
    workspace: Workspace, mapping: FieldMapping, *, rows: RowCache | None = None, cancel: CancelToken | None = None
) -> MappingReport:
    """Return what the mapping does to every row of the model: coverage, nulls, failures, rejected records.

    Args:
        workspace: The opened workspace.
        mapping: A mapping without blocking issues.
        rows: Where rows are kept for the next check; they are read anew once the warehouse's data has changed.
        cancel: Stops the reading.

    Raises:
        MappingError: The mapping is incomplete.
        QueryTimeout: It took longer than `CHECK_TIMEOUT_S`.
        QueryCancelled: `cancel` was turned.
    """
    _, sql_model = _read(workspace)
    require_complete(mapping, SEND_IDENTIFY.fields, sql_model.columns)
    columns = list(dict.fromkeys([sql_model.key_column, *mapping.columns()]))
    with open_warehouse(workspace, sql_model.warehouse_id) as warehouse:
        batches = (rows or RowCache()).read(warehouse, sql_model, columns, timeout_s=CHECK_TIMEOUT_S, cancel=cancel)
        return check_mapping(batches, mapping, SEND_IDENTIFY.fields, sql_model.key_column, cancel=cancel)


def make_draft_test_record(
    workspace: Workspace, mapping: FieldMapping, *, cancel: CancelToken | None = None
) -> DraftRecord:
    """Return the first row that the mapping accepts, with its exact message; nothing is sent.

    Raises:
        MappingError: The mapping is incomplete, or accepts none of the first rows; the message says why.
    """
    setup, sql_model = _read(workspace)
    record = _make_record(workspace, sql_model, mapping, cancel)
    return DraftRecord(record, make_identify(record, _make_context(setup), workspace.now()))


def send_draft_test_record(workspace: Workspace, draft: DraftRecord) -> Outcome:
    """Deliver that message, marked as a test: the event debugger shows it, profiles are not changed by it."""
    setup, _ = _read(workspace)
    return open_destination(workspace, DEFINITION.name).write([draft.record], _make_context(setup))[0]


def _read(workspace: Workspace) -> tuple[Setup, SqlModel]:
    setup = get_setup(workspace)
    if setup.sql_model_id is None:
        raise IllegalTransition("There is no model to map yet.", code="step_locked", hint="Press Define Model first.")
    return setup, get_sql_model(workspace, setup.sql_model_id)


def _make_context(setup: Setup) -> DeliveryContext:
    return DeliveryContext(
        source_id=str(setup.source_id),
        sync_id=setup.sync_id or "draft",
        run_id="test",
        sql_model_id=str(setup.sql_model_id),
        action=SEND_IDENTIFY.name,
        is_test=True,
    )


def _make_record(
    workspace: Workspace, sql_model: SqlModel, mapping: FieldMapping, cancel: CancelToken | None = None
) -> DeliveryRecord:
    require_complete(mapping, SEND_IDENTIFY.fields, sql_model.columns)
    with open_warehouse(workspace, sql_model.warehouse_id) as warehouse:
        rows = preview(warehouse, sql_model.sql, limit=TEST_ROWS, cancel=cancel).rows
    mapped = _map(rows, mapping, sql_model.key_column)
    good = next((row for row in mapped if row[2] is None), None)
    if good is None:
        raise _explain(mapped)
    message_id = new_id("msg", workspace.now())  # each test is a message of its own
    return DeliveryRecord(str(good[0]), Operation.ADDED, 1, message_id, str(good[1]).encode())


def _explain(mapped: Sequence[tuple[object, object, object, object]]) -> MappingError:
    if not mapped:
        return MappingError("The model returns no rows, so there is no record to test.", hint="Check the SQL.")
    _, _, code, field = mapped[0]
    return MappingError(
        f"None of the first {len(mapped)} rows can be sent: {REASONS.get(str(code), str(code))}",
        hint=f"Look at the column that is mapped to {field}." if field else "Look at the unique identifier column.",
        code=str(code),
    )


def _map(rows: pa.Table, mapping: FieldMapping, key_column: str) -> list[tuple[object, object, object, object]]:
    compiled = compile_mapping(mapping, SEND_IDENTIFY.fields, read_columns(rows.schema), key_column)
    with open_engine() as engine:
        engine.register("first_rows", rows)
        return engine.execute(compiled.select("first_rows")).fetchall()
