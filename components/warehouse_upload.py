"""The form that turns uploaded CSV and Parquet files into an embedded warehouse."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from components.error_panel import error_panel
from components.format import format_count
from components.plain_text import escape_markdown
from components.preview_table import to_frame
from components.state import IMPORT_REPORT
from core.errors import StorageFull
from core.setup.entitled import create_entitled_warehouse
from core.warehouses.files import ImportedTable, ImportReport
from core.warehouses.loading.load import REJECTED_SUFFIX
from core.warehouses.registry import open_warehouse
from core.warehouses.store import WarehouseRecord
from core.workspaces.workspace import Workspace

SHOWN_REJECTED = 20


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
    with st.status("Reading the files …") as status, _laid_down(files) as paths:
        record, report = create_entitled_warehouse(
            workspace, name.strip(), paths, original_names=[file.name for file in files]
        )
        status.update(label=f"{record.name} is ready", state="complete")
    IMPORT_REPORT.write(report, record.id)
    draw_import_report(workspace, record.id)
    return record


def draw_import_report(workspace: Workspace, warehouse_id: str) -> None:
    """Draw what this session's upload made of each file: rows, columns, encoding, and the rows that were rejected."""
    report: ImportReport | None = IMPORT_REPORT.read(warehouse_id)
    for table in report.tables if report else ():
        st.markdown(
            f":material/table: **{escape_markdown(table.name)}** · {format_count(table.rows, 'row')}"
            f" · {format_count(len(table.columns), 'column')} · {table.encoding}"
        )
        for note in table.notes:
            st.caption(escape_markdown(note))
        if table.rejected:
            with st.expander(f"{format_count(table.rejected, 'rejected row')} of {escape_markdown(table.file)}"):
                _draw_rejected(workspace, warehouse_id, table)


def _draw_rejected(workspace: Workspace, warehouse_id: str, table: ImportedTable) -> None:
    query = f'SELECT line, reason, text FROM "{table.name}{REJECTED_SUFFIX}" ORDER BY line'  # noqa: S608 - snake case
    with error_panel("reading the rejected rows"), open_warehouse(workspace, warehouse_id) as warehouse:
        rows = to_frame(warehouse.query(query, max_rows=SHOWN_REJECTED))
        st.dataframe(rows, hide_index=True)
        st.caption(
            f"All of them are in the table {escape_markdown(table.name + REJECTED_SUFFIX)}."
            " Mend them in the file and upload it again, or go on without them."
        )


@contextmanager
def _laid_down(files: Sequence[UploadedFile]) -> Iterator[list[Path]]:
    """Give the uploaded files as files on the disk, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}_{Path(file.name).name}" for number, file in enumerate(files)]
        try:
            for path, file in zip(paths, files, strict=True):
                path.write_bytes(file.getbuffer())
        except OSError as error:
            raise StorageFull(
                "The uploaded files cannot be put on the disk.",
                hint="Free some space where temporary files are kept, then upload again. Nothing was imported.",
            ) from error
        yield paths
