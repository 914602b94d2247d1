"""The kinds of warehouse that a person can choose, and the door to a saved one."""

from __future__ import annotations

from sqlalchemy import update

from core.storage.tables import warehouses
from core.warehouses.definition import ConnectionReport, WarehouseDefinition
from core.warehouses.engines import ENGINES, find_engine, get_engine
from core.warehouses.store import get_warehouse, read_secrets
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace

DEFINITIONS: tuple[WarehouseDefinition, ...] = tuple(engine.definition for engine in ENGINES)


def get_definition(kind: str) -> WarehouseDefinition:
    """Return the definition of `kind`.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    return find_engine(kind).definition


def open_warehouse(workspace: Workspace, warehouse_id: str) -> Warehouse:
    """Return the saved warehouse, ready to be asked; use it in a `with` block.

    Raises:
        NotFound: No warehouse has this id or name.
    """
    record = get_warehouse(workspace, warehouse_id)
    secrets = read_secrets(workspace, record.id)
    return get_engine(record.kind).open(workspace.home, record.settings, secrets)


def check_connection(workspace: Workspace, warehouse_id: str) -> ConnectionReport:
    """Test a saved warehouse's connection, and remember when it last passed.

    Raises:
        NotFound: No warehouse has this id or name.
    """
    record = get_warehouse(workspace, warehouse_id)
    with open_warehouse(workspace, record.id) as warehouse:
        report = warehouse.test_connection()
    if report.ok:
        with workspace.database.transaction() as connection:
            connection.execute(update(warehouses).where(warehouses.c.id == record.id).values(tested_at=workspace.now()))
    return report
