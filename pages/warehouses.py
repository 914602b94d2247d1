"""Warehouses: what is connected, and a new embedded warehouse from CSV or Parquet files."""

import streamlit as st

from components.error_panel import error_panel
from components.format import format_number, format_time
from components.state import get_workspace
from components.warehouse_upload import draw_upload
from core.warehouses.registry import get_definition, open_warehouse
from core.warehouses.store import list_warehouses

workspace = get_workspace()
st.title("Warehouses", anchor=False)

with error_panel():
    records = list_warehouses(workspace)
    if not records:
        st.info("No warehouse is connected yet.", icon=":material/database:")
    for record in records:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{record.name}**")
                st.badge(get_definition(record.kind).label, color="gray")
            st.caption(f"Tested {format_time(record.tested_at)}" if record.tested_at else "Not tested yet")
            with st.expander("Tables"), error_panel(), open_warehouse(workspace, record.id) as warehouse:
                for table in warehouse.list_tables():
                    rows = "" if table.row_estimate is None else f" · about {format_number(table.row_estimate)} rows"
                    st.markdown(f"`{table.schema}.{table.name}` :gray[{len(table.columns)} columns{rows}]")

    st.subheader("Make one from your own files", anchor=False)
    draw_upload(workspace)
