"""What follows the choice of a kind of warehouse: data for the embedded one, a connection for a hosted one; Save."""

from __future__ import annotations

import streamlit as st

from components.connection_form import ConnectionInput, draw_connection_form
from components.connection_report import keep_report
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.warehouse_upload import draw_upload
from core.samples.demo import DEMO_FILE, ensure_demo_file
from core.setup.guided_setup import connect_warehouse
from core.warehouses.definition import WarehouseDefinition
from core.warehouses.embedded import DEFINITION as EMBEDDED
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace

DEMO, UPLOAD, NEW = "demo", "upload", "new"


def draw_choice(workspace: Workspace, definition: WarehouseDefinition) -> bool:
    """Draw everything between the choice of a kind and **Save**; return whether a warehouse was connected just now."""
    if definition.name == EMBEDDED.name:
        return _draw_embedded(workspace)
    return _draw_hosted(workspace, definition)


def _draw_embedded(workspace: Workspace) -> bool:
    left, right = st.columns([3, 2], gap="large")
    with right:
        st.markdown("**What Save does**")
        st.markdown(
            "- Opens the file read-only and lists its tables\n"
            "- Checks that the state of a sync can be written beside it\n"
            "- Keeps nothing if either fails"
        )
        st.caption("No credential is needed for an embedded warehouse.")
    with left:
        names = _list_saved(workspace, EMBEDDED)
        labels = {DEMO: "The demo warehouse", **names, UPLOAD: "My own CSV or Parquet files"}
        data = st.radio("Data", list(labels), format_func=labels.get, key="warehouse_data")
        if data == UPLOAD:
            made = draw_upload(workspace)
            if made is None:
                return False
            with saving() as version:
                own(connect_warehouse(workspace, warehouse_id=made.id, expected_version=version))
            return True
        return _draw_demo(workspace) if data == DEMO else _draw_saved(workspace, data, labels[data])


def _draw_demo(workspace: Workspace) -> bool:
    with st.form("warehouse", border=True):
        name = st.text_input("Name", value="Demo warehouse", max_chars=80, key=f"warehouse_name_{DEMO}")
        pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if not pressed:
        return False
    with st.status("Testing the connection …") as status, saving() as version:
        path = ensure_demo_file(
            workspace, lambda what, _share: status.update(label=f"Making the demo warehouse: {what} …")
        )
        status.update(label="Testing the connection …")
        settings = {"path": path}
        own(
            connect_warehouse(
                workspace, kind=EMBEDDED.name, name=name.strip(), settings=settings, expected_version=version
            )
        )
        status.update(label="Connected", state="complete")
    return True


def _draw_saved(workspace: Workspace, warehouse_id: str, name: str) -> bool:
    with st.form("warehouse", border=True):
        st.text_input("Name", value=name, disabled=True, key=f"warehouse_name_{warehouse_id}")
        pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if not pressed:
        return False
    with st.status("Testing the connection …") as status, saving() as version:
        own(connect_warehouse(workspace, warehouse_id=warehouse_id, expected_version=version, on_tested=keep_report))
        status.update(label="Connected", state="complete")
    return True


def _draw_hosted(workspace: Workspace, definition: WarehouseDefinition) -> bool:
    names = _list_saved(workspace, definition)
    if names:
        labels = {**names, NEW: "Another connection"}
        chosen = st.radio("Connection", list(labels), format_func=labels.get, key=f"connection_{definition.name}")
        if chosen != NEW:
            return _draw_saved(workspace, chosen, labels[chosen])
    return draw_connection_form(
        definition, lambda typed: _connect(workspace, definition, typed), key=f"connect_{definition.name}"
    )


def _connect(workspace: Workspace, definition: WarehouseDefinition, typed: ConnectionInput) -> None:
    with saving() as version:
        own(
            connect_warehouse(
                workspace,
                kind=definition.name,
                name=typed.name,
                settings=typed.settings,
                secrets=typed.secrets,
                expected_version=version,
                on_tested=keep_report,
            )
        )


def _list_saved(workspace: Workspace, definition: WarehouseDefinition) -> dict[str, str]:
    return {
        record.id: escape_markdown(record.name)
        for record in list_warehouses(workspace)
        if record.kind == definition.name and record.settings.get("path") != DEMO_FILE
    }
