"""Define Model: write SQL, Preview ten records, look at every column, pick the unique identifier, Next (W28-W30)."""

import streamlit as st

from components.error_panel import error_panel
from components.model_workbench import draw_catalog, draw_column_view, draw_key_choice, draw_preview, draw_templates
from components.sql_editor import draw_sql_editor
from components.state import PREVIEWED_SQL, get_workspace
from components.wizard import HOME, draw_back_link, draw_wizard_header
from core.setup.guided_setup import define_sql_model, mark_previewed, save_draft_sql
from core.warehouses.registry import open_warehouse

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Define Model", "add-connections")
    draw_back_link()
    if not setup.warehouse_id:
        st.info("Connect a warehouse first.", icon=":material/lock:")
        st.stop()
    with open_warehouse(workspace, setup.warehouse_id) as warehouse:
        editor_side, catalog_side = st.columns([3, 2], gap="medium")
        with catalog_side:
            catalog = draw_catalog(warehouse, setup.warehouse_id)
            draw_templates(warehouse.dialect)
        with editor_side:
            st.markdown("**SQL**  :gray[one row for each customer · Ctrl+Enter previews]")
            draft = setup.draft.sql
            state = draw_sql_editor(draft, catalog, warehouse.dialect, key="model_sql")
            if state.text != draft:
                setup = save_draft_sql(workspace, state.text, expected_version=setup.version)
            pressed = st.button("Preview", icon=":material/play_arrow:", type="primary", key="preview")
        if pressed or state.run:
            PREVIEWED_SQL.write(state.text)
        previewed = PREVIEWED_SQL.read()
        if previewed is None:
            st.caption("Press **Preview** to see ten records.")
            st.stop()
        if previewed != state.text:
            st.info("The SQL has changed since the preview. Preview it again to go on.", icon=":material/edit:")
            st.stop()
        preview = draw_preview(warehouse, setup.warehouse_id, state.text)
        if pressed or state.run:
            setup = mark_previewed(workspace, state.text)
        profiles = draw_column_view(warehouse, setup.warehouse_id, state.text)
        key_column = draw_key_choice(warehouse, setup.warehouse_id, state.text, profiles, preview)
        with st.form("model_name", border=False):
            name = st.text_input("Model name", value=setup.draft.sql_model_name or "Customers", max_chars=80)
            if st.form_submit_button("Next", type="primary", disabled=key_column is None):
                define_sql_model(
                    workspace,
                    name=name.strip(),
                    sql=state.text,
                    key_column=key_column,
                    expected_version=setup.version,
                )
                st.switch_page(HOME)
