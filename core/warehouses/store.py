"""Warehouses of the workspace: test, save, list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from core.errors import IllegalTransition, InvalidField, MissingField, NotFound, StoreUnreadable, Unreachable
from core.ids import new_id
from core.settings import check_settings
from core.storage.tables import profiles_syncs, sources, sql_models, warehouses
from core.storage.tables import secrets as secrets_table
from core.warehouses.definition import ConnectionReport
from core.warehouses.engines import get_engine
from core.warehouses.warehouse import Warehouse
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

MAX_NAME_CHARS = 120
_NAME_FIELD: dict[str, object] = {"field": "name"}
OnTested = Callable[[str, ConnectionReport], None]
"""Takes the id of a warehouse and what its test found, for whoever shows it: a second test would find the same."""


@dataclass(frozen=True, slots=True)
class WarehouseRecord:
    """One saved warehouse; its credentials are not part of it."""

    id: str
    kind: str
    name: str
    settings: dict[str, object]
    created_at: datetime
    tested_at: datetime | None


def save_warehouse(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    settings: Mapping[str, object],
    secrets: Mapping[str, str] | None = None,
    on_tested: OnTested | None = None,
) -> WarehouseRecord:
    """Test the connection and save the warehouse; nothing is saved when the test fails.

    `on_tested` is told what the test found, once the warehouse is saved.

    Raises:
        UnknownConnector, MissingField, InvalidField: The input cannot be used.
        CoreError: What the connection test found.
    """
    engine = get_engine(kind)
    clean_name = check_new_name(workspace, name)
    clean_settings, clean_secrets = check_settings(engine.definition, settings, secrets or {})
    report = _require_connection(workspace, engine, clean_settings, clean_secrets)
    now = workspace.now()
    record = WarehouseRecord(new_id("wh", now), kind, clean_name, clean_settings, now, now)
    _insert(workspace, record, clean_secrets)
    if on_tested is not None:
        on_tested(record.id, report)
    return record


def change_settings(
    workspace: Workspace,
    warehouse_id: str,
    *,
    settings: Mapping[str, object],
    secrets: Mapping[str, str] | None = None,
    on_tested: OnTested | None = None,
) -> WarehouseRecord:
    """Change settings or rotate credentials: the new ones are tested before the old ones are dropped.

    Args:
        workspace: Where the warehouse is saved.
        warehouse_id: Which one.
        settings: All settings as the form shows them.
        secrets: New secrets; one that is left out, or empty, keeps its value.
        on_tested: Told what the test found, once the change is saved.

    Raises:
        MissingField, InvalidField: The input cannot be used.
        CoreError: What the connection test found; nothing was changed then.
    """
    record = get_warehouse(workspace, warehouse_id)
    engine = get_engine(record.kind)
    typed = {name: value for name, value in (secrets or {}).items() if value.strip()}
    with workspace.database.reading() as connection:
        old_id = _find_secret(connection, record.id)
        old = workspace.secrets.read_old(connection, old_id, typed)
    clean_settings, clean_secrets = check_settings(engine.definition, settings, old | typed)
    report = _require_connection(workspace, engine, clean_settings, clean_secrets)
    now = workspace.now()
    with workspace.database.transaction() as connection:
        secret_id = workspace.secrets.save(connection, clean_secrets, now) if clean_secrets else None
        values = {"settings": clean_settings, "secret_id": secret_id, "tested_at": now}
        connection.execute(update(warehouses).where(warehouses.c.id == record.id).values(**values))
        if old_id is not None:
            workspace.secrets.drop(connection, old_id)
        changed = sorted(name for name in {*old, *clean_secrets} if old.get(name) != clean_secrets.get(name))
        before = {"settings": record.settings}
        after = {"settings": clean_settings, "changed_credentials": changed}
        record_change(connection, workspace, "updated", "warehouse", record.id, before=before, after=after)
    if on_tested is not None:
        on_tested(record.id, report)
    return get_warehouse(workspace, record.id)


def read_secrets(workspace: Workspace, warehouse_id: str) -> dict[str, str]:
    """Return the warehouse's secrets; for whoever opens a connection, never for a page."""
    with workspace.database.reading() as connection:
        secret_id = _find_secret(connection, warehouse_id)
        return workspace.secrets.read(connection, secret_id) if secret_id else {}


def list_secret_names(workspace: Workspace, warehouse_id: str) -> frozenset[str]:
    """Return which secrets are saved and readable, without one of them, so that a form can say so."""
    try:
        return frozenset(read_secrets(workspace, warehouse_id))
    except StoreUnreadable:
        return frozenset()


def list_warehouses(workspace: Workspace) -> Sequence[WarehouseRecord]:
    """Return all warehouses, oldest first."""
    query = select(warehouses).order_by(warehouses.c.created_at, warehouses.c.id)
    with workspace.database.reading() as connection:
        return [_to_record(row) for row in connection.execute(query)]


def get_warehouse(workspace: Workspace, id_or_name: str) -> WarehouseRecord:
    """Return the warehouse with this id, else with this name.

    Raises:
        NotFound: There is none; the hint lists those there are.
    """
    records = list_warehouses(workspace)
    for record in records:
        if record.id == id_or_name:
            return record
    for record in records:
        if record.name.casefold() == id_or_name.strip().casefold():
            return record
    names = ", ".join(record.name for record in records)
    raise NotFound(
        f"There is no warehouse {id_or_name!r}.",
        hint=f"Use one of: {names}." if names else "Connect a warehouse first.",
    )


def rename_warehouse(workspace: Workspace, warehouse_id: str, name: str) -> WarehouseRecord:
    """Give the warehouse another name; its sources keep theirs.

    Raises:
        MissingField, InvalidField: The name is empty, too long or taken.
    """
    record = get_warehouse(workspace, warehouse_id)
    clean = _check_name(workspace, name, except_id=record.id)
    with workspace.database.transaction() as connection:
        _refuse_taken(connection, clean, except_id=record.id)
        connection.execute(update(warehouses).where(warehouses.c.id == record.id).values(name=clean))
        before, after = {"name": record.name}, {"name": clean}
        record_change(connection, workspace, "updated", "warehouse", record.id, before=before, after=after)
    return get_warehouse(workspace, record.id)


def delete_warehouse(workspace: Workspace, warehouse_id: str) -> None:
    """Disconnect a warehouse that nothing reads, with its credentials. Its data is not touched.

    Raises:
        IllegalTransition: A source or a SQL model reads it, or profiles are written to it; the message says which.
    """
    record = get_warehouse(workspace, warehouse_id)
    with workspace.database.transaction() as connection:
        for table, noun in ((sql_models, "SQL model"), (sources, "source")):
            reader = connection.execute(select(table.c.name).where(table.c.warehouse_id == record.id)).first()
            if reader is not None:
                raise IllegalTransition(
                    f"The {noun} {reader.name!r} reads the warehouse {record.name!r}.",
                    hint="A warehouse can be disconnected once nothing reads it.",
                )
        if connection.execute(select(profiles_syncs.c.id).where(profiles_syncs.c.warehouse_id == record.id)).first():
            raise IllegalTransition(
                f"Profiles are written to the warehouse {record.name!r}.",
                hint="Stop writing them first, on the page Profiles sync.",
            )
        secret_id = connection.execute(select(warehouses.c.secret_id).where(warehouses.c.id == record.id)).scalar()
        connection.execute(delete(warehouses).where(warehouses.c.id == record.id))
        connection.execute(delete(secrets_table).where(secrets_table.c.id == secret_id))
        before = {"kind": record.kind, "name": record.name, "settings": record.settings}
        record_change(connection, workspace, "deleted", "warehouse", record.id, before=before)


def check_new_name(workspace: Workspace, name: str) -> str:
    """Return `name` with its spaces tidied.

    Raises:
        MissingField, InvalidField: It is empty or too long, or another warehouse has it, in whatever letter case.
    """
    return _check_name(workspace, name)


def _check_name(workspace: Workspace, name: str, *, except_id: str = "") -> str:
    clean = " ".join(name.split())
    if not clean:
        raise MissingField(
            "The warehouse needs a name.", hint="Give it a name such as 'Customer data'.", context=_NAME_FIELD
        )
    if len(clean) > MAX_NAME_CHARS:
        raise InvalidField(
            f"The name has {len(clean)} characters.",
            hint=f"Use a name of at most {MAX_NAME_CHARS} characters.",
            context=_NAME_FIELD,
        )
    others = [record for record in list_warehouses(workspace) if record.id != except_id]
    if any(record.name.casefold() == clean.casefold() for record in others):
        raise _name_taken(clean)
    return clean


def _refuse_taken(connection: Connection, name: str, *, except_id: str = "") -> None:
    # Asked again inside the transaction: another browser may have saved the same name meanwhile.
    taken = select(warehouses.c.id).where(func.lower(warehouses.c.name) == name.lower(), warehouses.c.id != except_id)
    if connection.execute(taken).first() is not None:
        raise _name_taken(name)


def _name_taken(name: str) -> InvalidField:
    return InvalidField(
        f"There is already a warehouse named {name!r}.",
        hint="Choose another name. To give that one other settings or credentials, use its Change connection on the"
        " page Warehouses.",
        context=_NAME_FIELD,
    )


def _require_connection(
    workspace: Workspace, engine: type[Warehouse], settings: Mapping[str, object], secrets: Mapping[str, str]
) -> ConnectionReport:
    with engine.open(workspace.home, settings, secrets) as warehouse:
        report = warehouse.test_connection()
    if not report.ok:
        raise report.error or Unreachable(report.detail)
    return report


def _insert(workspace: Workspace, record: WarehouseRecord, secrets: dict[str, str]) -> None:
    with workspace.database.transaction() as connection:
        _refuse_taken(connection, record.name)
        secret_id = workspace.secrets.save(connection, secrets, record.created_at) if secrets else None
        connection.execute(
            insert(warehouses).values(
                id=record.id,
                kind=record.kind,
                name=record.name,
                settings=record.settings,
                secret_id=secret_id,
                created_at=record.created_at,
                tested_at=record.tested_at,
            )
        )
        after = {"kind": record.kind, "name": record.name, "settings": record.settings}
        record_change(connection, workspace, "created", "warehouse", record.id, after=after)


def _to_record(row: Row[tuple[object, ...]]) -> WarehouseRecord:
    values = row._mapping
    return WarehouseRecord(
        id=values["id"],
        kind=values["kind"],
        name=values["name"],
        settings=dict(values["settings"]),
        created_at=values["created_at"],
        tested_at=values["tested_at"],
    )


def _find_secret(connection: Connection, warehouse_id: str) -> str | None:
    query = select(warehouses.c.secret_id).where(warehouses.c.id == warehouse_id)
    secret_id: str | None = connection.execute(query).scalar_one()
    return secret_id
