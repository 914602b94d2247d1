"""Define Model: write SQL, Preview ten records, look at every column, pick the unique identifier, Next (W28-W30)."""

import streamlit as st

from components.catalog import get_catalog
from components.catalog_browser import draw_catalog
from components.cost_estimate import draw_agreement, draw_estimate, has_agreement
from components.error_panel import error_panel
from components.model_workbench import (
    ask_columns,
    ask_preview,
    draw_column_view,
    draw_key_choice,
    draw_preview,
    draw_preview_hint,
    draw_templates,
    forget_answers,
    is_asked,
)
from components.other_browser import own, own_draft, saving, settle_draft
from components.sql_editor import draw_sql_editor, read_typed_sql
from components.state import AGREED_COST, PREVIEW_WANTED, get_workspace
from components.wizard import HOME, draw_back_link, draw_locked, draw_wizard_header
from core.setup.guided_setup import define_sql_model, mark_previewed, save_draft_sql
from core.warehouses.registry import get_definition
from core.warehouses.store import get_warehouse

EDITOR = "model_sql"

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Define Model", "add-connections")
    draw_back_link()
    if not setup.warehouse_id:
        draw_locked(
            "There is no warehouse to ask yet",
            "A model is a query to your data warehouse.",
            "../pages/connect_warehouse.py",
            "Connect data warehouse",
        )
        st.stop()
    record = get_warehouse(workspace, setup.warehouse_id)
    dialect = get_definition(record.kind).dialect
    draft = settle_draft(setup.draft.sql, read_typed_sql(EDITOR), EDITOR, lambda sql: st.code(sql, language="sql"))
    editor_side, catalog_side = st.columns([3, 2], gap="medium")
    with catalog_side:
        draw_catalog(workspace, record, on_loaded=st.rerun)
        taken = draw_templates(dialect)
        if taken is not None:
            own(save_draft_sql(workspace, taken, expected_version=setup.version))
            own_draft(taken, EDITOR)
            st.rerun()
    catalog = get_catalog(workspace, record)
    with editor_side:
        st.markdown("**SQL**  :gray[one row for each customer · Ctrl+Enter previews]")
        typed = read_typed_sql(EDITOR) or draft.value
        catalog.read_ahead(typed)
        state = draw_sql_editor(
            draft.value,
            catalog.list_completions(typed),
            dialect,
            key=EDITOR,
            default_schema=catalog.default_schema,
        )
        if draft.may_save and state.text != setup.draft.sql:
            setup = own(save_draft_sql(workspace, state.text, expected_version=setup.version))
            own_draft(state.text, EDITOR)
        if state.run:
            PREVIEW_WANTED.write(True)
        has_agreed = has_agreement(record, state.text)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Preview",
                icon=":material/play_arrow:",
                type="primary",
                key="preview",
                on_click=PREVIEW_WANTED.write,
                args=(True,),
            )
            estimate_place = st.container()
        # kept until the query has begun: another event may end this run before that, and the press with it
        pressed = has_agreed or PREVIEW_WANTED.read()
        is_done = setup.is_previewed(state.text) or is_asked(record, state.text)
    if not pressed:  # a press is not to be lost to the end of an estimate, which draws the page anew
        with estimate_place:
            draw_estimate(workspace, record, state.text, is_new=not is_done)
    if pressed:
        forget_answers()
    elif not catalog.is_open:  # the reason is on the page already
        st.page_link("../pages/connect_warehouse.py", label="Connect data warehouse", icon=":material/cable:")
        st.stop()
    if not (pressed or is_done):
        with editor_side:
            draw_preview_hint(state.text, setup.previewed_sql)
        st.stop()
    with editor_side:
        may_run = has_agreed or is_asked(record, state.text) or draw_agreement(workspace, record, state.text)
    PREVIEW_WANTED.clear()
    AGREED_COST.clear()
    if not may_run:
        st.stop()
    preview = ask_preview(workspace, record, state.text)
    if not setup.is_previewed(state.text):
        setup = own(mark_previewed(workspace, state.text))
    draw_preview(preview)
    profiles = ask_columns(workspace, record, state.text)
    draw_column_view(workspace, record, state.text, profiles)
    key_column = draw_key_choice(workspace, record, state.text, profiles, preview, setup.draft.key_column)
    with st.form("model_name", border=False):
        name = st.text_input(
            "Model name", value=setup.draft.sql_model_name or "Customers", max_chars=80, key="model_name"
        )
        if st.form_submit_button("Next", type="primary", disabled=key_column is None):
            with saving() as version:
                saved = define_sql_model(
                    workspace,
                    name=name.strip(),
                    sql=state.text,
                    key_column=key_column or "",
                    expected_version=version,
                )
            own(saved)
            st.switch_page(HOME)
