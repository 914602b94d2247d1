"""The form that turns uploaded CSV and Parquet files into an embedded warehouse."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from components.format import format_number
from core.setup.entitled import create_entitled_warehouse
from core.warehouses.files import ImportReport
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace


def draw_upload(workspace: Workspace) -> WarehouseRecord | None:
    """Draw the form; return the new warehouse in the run in which it was made."""
    with st.form("upload_warehouse", border=True):
        name = st.text_input("Warehouse name", placeholder="Customers 2026", max_chars=80)
        files = st.file_uploader(
            "CSV or Parquet files", type=["csv", "tsv", "txt", "parquet"], accept_multiple_files=True
        )
        st.caption("One table a file, named after it. Leading zeros stay; broken rows are kept aside and shown.")
        submitted = st.form_submit_button("Make the warehouse", icon=":material/upload:")
    if not submitted:
        return None
    if not name.strip() or not files:
        st.warning("Give the warehouse a name and choose at least one file.", icon=":material/edit:")
        return None
    with tempfile.TemporaryDirectory() as folder, st.status("Reading the files …") as status:
        paths = []
        for file in files:
            path = Path(folder) / f"{len(paths)}_{Path(file.name).name}"
            path.write_bytes(file.getbuffer())
            paths.append(path)
        record, report = create_entitled_warehouse(
            workspace, name.strip(), paths, original_names=[file.name for file in files]
        )
        status.update(label=f"{record.name} is ready", state="complete")
    draw_import_report(report)
    return record


def draw_import_report(report: ImportReport) -> None:
    """Draw a line a table: rows, columns, encoding, and what was noticed."""
    for table in report.tables:
        st.markdown(
            f":material/table: **{table.name}** · {format_number(table.rows)} rows · {len(table.columns)} columns"
            f" · {table.encoding}"
        )
        for note in table.notes:
            st.caption(note)
