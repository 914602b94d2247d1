"""The catalog of a warehouse: schema by schema as somebody looks, remembered for a while, read anew on demand."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.warehouses.definition import TableInfo
from core.warehouses.registry import open_warehouse
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

CACHE_S = 300
MAX_SCHEMAS = 64


def list_schemas(workspace: Workspace, record: WarehouseRecord) -> Sequence[str]:
    """Return the schemas that a query can name; nothing else of the catalog is read."""
    return _list_schemas(workspace, str(workspace.home.root), record.id, str(record.settings))


def list_tables(workspace: Workspace, record: WarehouseRecord, schema: str) -> Sequence[TableInfo]:
    """Return the tables and views of one schema with their columns."""
    return _list_tables(workspace, str(workspace.home.root), record.id, str(record.settings), schema)


def forget_catalog() -> None:
    """Ask the warehouse again next time: somebody knows of a table that is not in the list."""
    _list_schemas.clear()
    _list_tables.clear()


# Resources, not data: a copy of a large catalog at every run of a page would cost more than it protects, and nobody
# changes what is frozen.
@st.cache_resource(ttl=CACHE_S, show_spinner="Reading the list of schemas …", max_entries=MAX_SCHEMAS)
def _list_schemas(_workspace: Workspace, home: str, warehouse_id: str, settings: str) -> tuple[str, ...]:
    with open_warehouse(_workspace, warehouse_id) as warehouse:
        return tuple(warehouse.list_schemas())


@st.cache_resource(ttl=CACHE_S, show_spinner="Reading the list of tables …", max_entries=MAX_SCHEMAS)
def _list_tables(
    _workspace: Workspace, home: str, warehouse_id: str, settings: str, schema: str
) -> tuple[TableInfo, ...]:
    with open_warehouse(_workspace, warehouse_id) as warehouse:
        return tuple(warehouse.list_tables(schema))
