"""Step 2, Add connections: warehouse, SQL model, mapping (W24-W35, W38)."""

from __future__ import annotations

from collections.abc import Mapping

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import ConfigurationError, IllegalTransition, InvalidField
from core.mappings.mapping import FieldMapping
from core.mappings.validate import require_complete
from core.settings import check_settings
from core.setup.branches import Connection
from core.setup.entitled import create_entitled_source, ensure_entitled_segment_profiles
from core.setup.entitlements import Entitled, require_room
from core.setup.record import acting, update_record
from core.setup.status import DEFAULT_INTERVAL_MINUTES, DEFAULT_MODE, Setup, describe, require_open
from core.setup.steps import Step
from core.sources.store import Source, list_sources
from core.sql_models.preview import Preview, preview
from core.sql_models.sql_model import SqlModel, get_sql_model, list_sql_models, save_sql_model
from core.syncs.sync import Sync, get_sync, list_syncs, save_sync
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import check_connection, get_definition, open_warehouse
from core.warehouses.store import (
    OnTested,
    WarehouseRecord,
    get_warehouse,
    list_warehouses,
    read_secrets,
    save_warehouse,
)
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace


def connect_warehouse(
    workspace: Workspace,
    *,
    warehouse_id: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    settings: Mapping[str, object] | None = None,
    secrets: Mapping[str, str] | None = None,
    expected_version: int | None = None,
    on_tested: OnTested | None = None,
) -> Setup:
    """Connect a saved warehouse, or save a new one after testing it; its source is made and feeds the space.

    Connecting another warehouse later is allowed: the model then has to be saved again for the new one.
    `on_tested` is told what the one test found.

    Raises:
        InvalidField: Another warehouse has the name, with other settings or credentials.
        CoreError: What the connection test found; nothing is saved then (W27).
        LimitExceeded: There is no room for another source (W115).
        IllegalTransition: Step 2 is locked.
        VersionConflict: Somebody else saved a change first; the context holds what was typed, without credentials.
    """
    typed = {"warehouse_id": warehouse_id, "kind": kind, "name": name, "settings": dict(settings or {})}
    with acting(workspace, expected_version, typed) as record:
        setup = describe(workspace, record)
        require_open(setup, Step.CONNECTIONS)
        warehouse = _find_warehouse(workspace, warehouse_id, kind, name, settings, secrets)
        source = find_warehouse_source(workspace, warehouse)
        if source is None:
            require_room(workspace, Entitled.SOURCES)
        if warehouse is None:
            warehouse = _save_warehouse(workspace, kind, name, settings, secrets, on_tested)
        else:
            _test(workspace, warehouse, on_tested)
        source = source or make_warehouse_source(workspace, warehouse)
        connect_source(workspace, str(setup.space_id), source.id)
        chosen = warehouse.id
        saved = update_record(workspace, lambda now: now.with_state(warehouse_id=chosen))
    return describe(workspace, saved)


def preview_sql(
    workspace: Workspace, sql: str, *, cancel: CancelToken | None = None, timeout_s: float = 30.0
) -> Preview:
    """Return the first 10 rows of `sql` from the connected warehouse, and remember that this text was previewed (W30).

    Raises:
        IllegalTransition: No warehouse is connected.
        QueryError, ConnectivityError: What the guard or the warehouse says.
    """
    with acting(workspace, None) as record:
        setup = describe(workspace, record)
    with open_warehouse(workspace, _require_warehouse(setup)) as warehouse:
        found = preview(warehouse, sql, timeout_s=timeout_s, cancel=cancel)
    mark_previewed(workspace, sql)
    return found


def mark_previewed(workspace: Workspace, sql: str, *, expected_version: int | None = None) -> Setup:
    """Remember that exactly this text was previewed, for callers that ran the preview themselves."""
    text = sql.strip()
    saved = update_record(
        workspace,
        lambda now: now.with_state(previewed_sql=text),
        expected_version=expected_version,
        typed={"sql": sql},
        audited=False,
    )
    return describe(workspace, saved)


def define_sql_model(
    workspace: Workspace, *, name: str, sql: str, key_column: str, expected_version: int | None = None
) -> Setup:
    """Save the SQL model of the setup, new or changed; a text that was not previewed is previewed first (W29, W30).

    Raises:
        IllegalTransition: No warehouse is connected.
        QueryError: The guard or the warehouse refuses the SQL, or it breaks a limit; nothing is saved.
        VersionConflict: Somebody else saved a change first; the context holds the SQL.
    """
    typed = {"name": name, "sql": sql, "key_column": key_column}
    with acting(workspace, expected_version, typed) as record:
        setup = describe(workspace, record)
        warehouse_id = _require_warehouse(setup)
        existing = _find_sql_model(workspace, setup, name, sql)
        if sql.strip() != record.get_id("previewed_sql") and not _is_as_previewed(setup, existing, sql, warehouse_id):
            with open_warehouse(workspace, warehouse_id) as warehouse:
                preview(warehouse, sql)
        model = save_sql_model(
            workspace,
            name=name,
            warehouse_id=warehouse_id,
            sql=sql,
            key_column=key_column,
            sql_model_id=existing.id if existing else None,
            expected_version=existing.version if existing else None,
        )
        saved = update_record(
            workspace,
            lambda now: now.with_state(sql_model_id=model.id, previewed_version=model.version, previewed_sql=None)
            .with_draft(sql=None, key_column=None, sql_model_name=None),
        )  # fmt: skip
    return describe(workspace, saved)


def create_mapping(
    workspace: Workspace,
    mapping: FieldMapping,
    *,
    mode: str = DEFAULT_MODE,
    interval_minutes: int | None = DEFAULT_INTERVAL_MINUTES,
    name: str | None = None,
    expected_version: int | None = None,
) -> Setup:
    """Save the mapping as an enabled sync to the Segment Profiles destination, making that destination once (W34).

    Raises:
        MappingError: The mapping is incomplete or names a column that the model does not return; nothing is saved.
        LimitExceeded: There is no room for the destination (W117).
        IllegalTransition: No model is defined.
        VersionConflict: Somebody else saved a change first; the context holds the mapping.
    """
    typed = {"mapping": mapping.to_dict(), "mode": mode, "interval_minutes": interval_minutes}
    with acting(workspace, expected_version, typed) as record:
        setup = describe(workspace, record)
        sql_model, source_id = _require_sql_model(workspace, setup)
        require_complete(mapping, SEND_IDENTIFY.fields, sql_model.columns)
        destination = ensure_entitled_segment_profiles(workspace)
        existing = _find_sync(workspace, setup)
        sync = save_sync(
            workspace,
            name=name or (existing.name if existing else f"{sql_model.name} to profiles"),
            sql_model_id=sql_model.id,
            source_id=source_id,
            destination_id=destination.id,
            action=SEND_IDENTIFY.name,
            mode=mode,
            mapping=mapping,
            interval_minutes=interval_minutes,
            sync_id=existing.id if existing else None,
        )
        saved = update_record(
            workspace,
            lambda now: now.with_state(sync_id=sync.id).with_draft(mapping=None, mode=None, interval_minutes=None),
        )
    return describe(workspace, saved)


def _find_warehouse(
    workspace: Workspace,
    warehouse_id: str | None,
    kind: str | None,
    name: str | None,
    settings: Mapping[str, object] | None,
    secrets: Mapping[str, str] | None,
) -> WarehouseRecord | None:
    if warehouse_id is not None:
        return get_warehouse(workspace, warehouse_id)
    # The same form sent twice, or again after a crash between two of our writes, means the warehouse that exists. With
    # other credentials it is another form: saving it is refused, because its name is taken.
    for warehouse in list_warehouses(workspace):
        if warehouse.name == (name or "").strip() and warehouse.kind == kind:
            try:
                typed = check_settings(get_definition(kind), settings or {}, secrets or {})
            except ConfigurationError:
                return None  # saving it tells what is wrong
            saved = read_secrets(workspace, warehouse.id)
            return warehouse if typed == (warehouse.settings, saved) else None
    return None


def _save_warehouse(
    workspace: Workspace,
    kind: str | None,
    name: str | None,
    settings: Mapping[str, object] | None,
    secrets: Mapping[str, str] | None,
    on_tested: OnTested | None,
) -> WarehouseRecord:
    if not kind:
        raise InvalidField("No kind of warehouse is chosen.", hint="Choose a warehouse from the list, then press Next.")
    return save_warehouse(
        workspace, kind=kind, name=name or "", settings=settings or {}, secrets=secrets, on_tested=on_tested
    )


def _test(workspace: Workspace, record: WarehouseRecord, on_tested: OnTested | None) -> None:
    report = check_connection(workspace, record.id)
    if report.error is not None:
        raise report.error
    if on_tested is not None:
        on_tested(record.id, report)


def find_warehouse_source(workspace: Workspace, warehouse: WarehouseRecord | None) -> Source | None:
    """Return the source that reads this warehouse, if there is one."""
    if warehouse is None:
        return None
    return next((source for source in list_sources(workspace) if source.warehouse_id == warehouse.id), None)


def make_warehouse_source(workspace: Workspace, warehouse: WarehouseRecord) -> Source:
    """Make the source that reads this warehouse, with its name; raises `LimitExceeded` where there is no room."""
    taken = {source.name for source in list_sources(workspace)}
    names = [warehouse.name, *(f"{warehouse.name} {number}" for number in range(2, 10))]
    name = next((name for name in names if name not in taken), warehouse.id)
    return create_entitled_source(workspace, kind=warehouse.kind, name=name, warehouse_id=warehouse.id)


def _require_warehouse(setup: Setup) -> str:
    require_open(setup, Step.CONNECTIONS)
    if not setup.has_warehouse:
        raise IllegalTransition(
            "No warehouse is connected yet.", code="step_locked", hint="Press Connect data warehouse first."
        )
    return str(setup.warehouse_id)


def _require_sql_model(workspace: Workspace, setup: Setup) -> tuple[SqlModel, str]:
    _require_warehouse(setup)
    if not setup.has_sql_model:
        step = setup.get_connection(Connection.SQL_MODEL)
        reason = step.reason if step else ""
        raise IllegalTransition("The model is not ready to be mapped.", code="step_locked", hint=reason)
    return get_sql_model(workspace, str(setup.sql_model_id)), str(setup.source_id)


def _find_sql_model(workspace: Workspace, setup: Setup, name: str, sql: str) -> SqlModel | None:
    if setup.sql_model_id:
        return get_sql_model(workspace, setup.sql_model_id)
    # A crash between saving the model and remembering it leaves exactly this model behind: it is taken up again.
    twins = (model for model in list_sql_models(workspace) if model.name == name.strip() and model.sql == sql)
    return next((model for model in twins if model.warehouse_id == setup.warehouse_id), None)


def _find_sync(workspace: Workspace, setup: Setup) -> Sync | None:
    if setup.sync_id:
        return get_sync(workspace, setup.sync_id)
    # As above: a sync of the setup's own model that the setup does not know of is left from a crash.
    return next((sync for sync in list_syncs(workspace) if sync.sql_model_id == setup.sql_model_id), None)


def _is_as_previewed(setup: Setup, existing: SqlModel | None, sql: str, warehouse_id: str) -> bool:
    if existing is None or not setup.previewed:
        return False
    return existing.sql.strip() == sql.strip() and existing.warehouse_id == warehouse_id
