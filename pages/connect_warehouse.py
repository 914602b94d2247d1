"""Connect data warehouse: choose, Next, name it, Save, Next (W25-W27, W38, W41)."""

import streamlit as st

from components.error_panel import error_panel
from components.other_browser import own, saving
from components.plain_text import escape_markdown
from components.state import get_workspace
from components.warehouse_upload import draw_import_report, draw_upload
from components.wizard import HOME, draw_back_link, draw_wizard_header
from core.samples.demo import DEMO_FILE, ensure_demo_file
from core.setup.guided_setup import connect_warehouse
from core.warehouses.registry import DEFINITIONS
from core.warehouses.store import get_warehouse, list_warehouses

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Connect data warehouse", "add-connections")
    draw_back_link()
    if setup.warehouse_id and not st.query_params.get("change"):
        record = get_warehouse(workspace, setup.warehouse_id)
        draw_import_report(workspace, record.id)
        st.success(f"**{escape_markdown(record.name)}** is connected.", icon=":material/check_circle:")
        with st.container(horizontal=True):
            if st.button("Next", type="primary", key="next_warehouse"):
                st.switch_page(HOME)
            tested = st.button("Test the connection again", key="test_warehouse")
            if st.button("Choose another warehouse", key="change_warehouse"):
                st.query_params["change"] = "1"
                st.rerun()
        if tested:
            with st.spinner("Testing the connection …"), saving() as version:
                own(connect_warehouse(workspace, warehouse_id=record.id, expected_version=version))
            st.caption(":material/check: The warehouse answers, and its tables can be read.")
        st.stop()

    kind = st.query_params.get("kind")
    definition = next((item for item in DEFINITIONS if item.name == kind), None)
    if definition is None:
        chosen = st.radio(
            "Available warehouses",
            [item.name for item in DEFINITIONS],
            format_func={item.name: item.label for item in DEFINITIONS}.get,
            captions=[item.summary for item in DEFINITIONS],
        )
        if st.button("Next", type="primary", key="next_kind"):
            st.query_params["kind"] = chosen
            st.rerun()
        st.stop()

    st.subheader(definition.label, anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        existing = [item for item in list_warehouses(workspace) if item.kind == definition.name]
        choices = ["demo", *[item.id for item in existing if item.settings.get("path") != DEMO_FILE], "upload"]
        labels = {"demo": "The demo warehouse", "upload": "My own CSV or Parquet files"}
        labels |= {item.id: item.name for item in existing if item.id not in labels}
        data = st.radio("Data", choices, format_func=labels.get, key="warehouse_data")
        if data == "upload":
            made = draw_upload(workspace)
            if made is not None:
                with saving() as version:
                    own(connect_warehouse(workspace, warehouse_id=made.id, expected_version=version))
                st.query_params.pop("change", None)
                st.rerun()
        else:
            with st.form("warehouse", border=True):
                name = st.text_input(
                    "Name",
                    value="Demo warehouse" if data == "demo" else labels[data],
                    max_chars=80,
                    disabled=data != "demo",
                    key=f"warehouse_name_{data}",
                )
                saved = st.form_submit_button("Save", type="primary", icon=":material/save:")
            if saved:
                with st.status("Testing the connection …") as status, saving() as version:
                    if data == "demo":
                        path = ensure_demo_file(
                            workspace, lambda what, _share: status.update(label=f"Making the demo warehouse: {what} …")
                        )
                        status.update(label="Testing the connection …")
                        own(
                            connect_warehouse(
                                workspace,
                                kind=definition.name,
                                name=name.strip(),
                                settings={"path": path},
                                expected_version=version,
                            )
                        )
                    else:
                        own(connect_warehouse(workspace, warehouse_id=data, expected_version=version))
                    status.update(label="Connected", state="complete")
                st.query_params.pop("change", None)
                st.rerun()
    with right:
        st.markdown("**What Save does**")
        st.markdown(
            "- Opens the file read-only and lists its tables\n"
            "- Checks that the state of a sync can be written beside it\n"
            "- Keeps nothing if either fails"
        )
        st.caption("No credential is needed for an embedded warehouse.")
