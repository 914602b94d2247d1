"""Warehouses: what is connected, and a new embedded warehouse from CSV or Parquet files."""

import streamlit as st

from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.state import get_workspace
from components.warehouse_card import draw_warehouse
from components.warehouse_upload import draw_upload
from core.sources.store import list_sources
from core.sql_models.sql_model import list_sql_models
from core.warehouses.store import list_warehouses

workspace = get_workspace()
st.title("Warehouses", anchor=False)
st.caption(
    "Where customer data lives. It is only ever read; a warehouse from your own files is stored on this machine."
)

with error_panel("reading the warehouses"):
    records = list_warehouses(workspace)
    readers: dict[str | None, list[str]] = {}
    for item in (*list_sources(workspace), *list_sql_models(workspace)):
        readers.setdefault(item.warehouse_id, []).append(item.name)
    if not records:
        draw_empty_state(
            ":material/database:",
            "No warehouse is connected yet",
            "Connect one in the guided setup, or make one from your own CSV or Parquet files below.",
        )
    for record in records:
        draw_warehouse(workspace, record, readers=list(dict.fromkeys(readers.get(record.id, ()))))

    st.subheader("Make one from your own files", anchor=False)
    with error_panel("making the warehouse"):
        if draw_upload(workspace) is not None:
            st.rerun()  # to the new one's place among the others, where its report stands
