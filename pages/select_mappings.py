"""Select mappings: columns onto fields, checked over all rows; a test record; Create mapping. (W31-W34)."""

import streamlit as st

from components.error_panel import error_panel
from components.mapping_check import draw_check
from components.mapping_workbench import draw_delivery_options, draw_editor, draw_test_record
from components.other_browser import own, saving
from components.state import get_workspace
from components.wizard import HOME, draw_back_link, draw_locked, draw_wizard_header
from core.destinations.segment_profiles import SEND_IDENTIFY
from core.mappings.validate import validate_mapping
from core.setup.guided_setup import create_mapping
from core.sql_models.sql_model import get_sql_model

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Select mappings", "add-connections")
    draw_back_link()
    if not setup.sql_model_id:
        draw_locked(
            "There is no model to map yet",
            "A mapping says which column of your model fills which field of a profile.",
            "../pages/define_model.py",
            "Define Model",
        )
        st.stop()
    st.markdown("Which column fills which field of a profile. Drag a column onto a field, or search.")
    model = get_sql_model(workspace, setup.sql_model_id)
    mapping = draw_editor(workspace, setup, model)
    issues = validate_mapping(mapping, SEND_IDENTIFY.fields, model.columns)
    blocked = [issue for issue in issues if issue.blocking]
    if not blocked:
        draw_check(workspace, model, mapping)
    draw_test_record(workspace, model, mapping, issues)
    mode, interval_minutes = draw_delivery_options(setup)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Create mapping", type="primary", disabled=bool(blocked), key="create_mapping", icon=":material/check:"
        ):
            with saving() as version:
                saved = create_mapping(
                    workspace,
                    mapping=mapping,
                    mode=mode,
                    interval_minutes=interval_minutes,
                    expected_version=version,
                )
            own(saved)
            st.switch_page(HOME)
        if blocked:
            st.caption(f"{blocked[0].message} {blocked[0].hint}")
