"""Connect data warehouse: choose, Next, name and credentials, Save, Next (W25-W27, W38, W41)."""

import streamlit as st

from components.connection_report import draw_access, has_own_schema, keep_report
from components.error_panel import error_panel
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.state import CONNECTION_REPORT, get_workspace
from components.warehouse_choice import draw_choice
from components.warehouse_upload import draw_import_report
from components.wizard import HOME, draw_back_link, draw_wizard_header
from core.setup.guided_setup import connect_warehouse
from core.warehouses.embedded import DEFINITION as EMBEDDED
from core.warehouses.registry import DEFINITIONS
from core.warehouses.store import get_warehouse

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Connect data warehouse", "add-connections")
    draw_back_link()
    if setup.warehouse_id and not st.query_params.get("change"):
        record = get_warehouse(workspace, setup.warehouse_id)
        draw_import_report(workspace, record.id)
        st.success(f"**{escape_markdown(record.name)}** is connected.", icon=":material/check_circle:")
        access = st.container()
        with st.container(horizontal=True):
            if st.button("Next", type="primary", key="next_warehouse"):
                st.switch_page(HOME)
            tested = st.button("Test the connection again", key="test_warehouse")
            if st.button("Choose another warehouse", key="change_warehouse"):
                st.query_params["change"] = "1"
                st.rerun()
        if tested:
            CONNECTION_REPORT.clear(record.id)
            with st.spinner("Testing the connection …"), saving() as version:
                own(
                    connect_warehouse(
                        workspace, warehouse_id=record.id, expected_version=version, on_tested=keep_report
                    )
                )
            st.caption(":material/check: The warehouse answers, and its tables can be read.")
        if has_own_schema(record):
            with access:
                draw_access(workspace, record)
        st.stop()

    kind = st.query_params.get("kind")
    definition = next((item for item in DEFINITIONS if item.name == kind), None)
    if definition is None:
        names = [item.name for item in DEFINITIONS]
        chosen = st.radio(
            "Available warehouses",
            names,
            index=names.index(EMBEDDED.name),
            format_func={item.name: item.label for item in DEFINITIONS}.get,
            captions=[item.summary for item in DEFINITIONS],
        )
        if st.button("Next", type="primary", key="next_kind"):
            st.query_params["kind"] = chosen
            st.rerun()
        st.stop()

    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(definition.label, anchor=False)
        if st.button("Choose another kind", type="tertiary", key="other_kind", icon=":material/arrow_back:"):
            st.query_params.pop("kind", None)
            st.rerun()
    if draw_choice(workspace, definition):
        for name in ("change", "kind"):
            st.query_params.pop(name, None)
        st.rerun()
