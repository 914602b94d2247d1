"""Why a trait says what it says: from the value back to message, row, mapping, SQL model, warehouse and source."""

from __future__ import annotations

import json

import streamlit as st

from components.format import format_time
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.prediction_reasons import describe_said, draw_reasons
from core.errors import NotFound
from core.mappings.mapping import ColumnRef, FieldMapping
from core.profiles.lookup import ProfileTrait, TraitOrigin
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.syncs.sync import Sync, get_sync
from core.warehouses.store import get_warehouse
from core.workspaces.workspace import Workspace


def draw_origin(workspace: Workspace, trait: ProfileTrait) -> None:
    """Draw the way from the value back to where it came from, one step below the other, each with its link."""
    origin = trait.origin
    with st.container(border=True, key="origin"):
        st.markdown(f"**Why does `{trait.key}` say this?**")
        _draw_value(trait.value)
        if origin.computed_trait:
            _step(
                ":material/calculate:", "Computed trait", escape_markdown(origin.computed_trait), "Counted from events."
            )
        if origin.prediction:
            _draw_prediction(origin)
        _draw_message(trait)
        if origin.row_key is not None:
            _draw_row(workspace, trait.key, origin)
        _step(":material/input:", "Source", escape_markdown(origin.source or origin.source_id or "No longer known"))


def _draw_value(value: object) -> None:
    if isinstance(value, dict | list):
        st.json(value, expanded=1)
    else:
        st.code(value if isinstance(value, str) else json.dumps(value), language=None, wrap_lines=True)


def _draw_prediction(origin: TraitOrigin) -> None:
    said = describe_said(origin)
    note = f"{said}. " if said else ""
    note += "The score is the share of people placed no higher."
    _step(":material/online_prediction:", "Prediction", escape_markdown(origin.prediction or ""), note)
    draw_reasons(origin)


def _draw_message(trait: ProfileTrait) -> None:
    origin = trait.origin
    label = "Newest message that counts" if origin.computed_trait else "Message"
    _step(":material/mail:", label, f"#{origin.log_offset}", f"True since {format_time(trait.updated_at)}.")
    if origin.message_id is None:
        st.caption("It is no longer in the event log.")
    else:
        draw_link("event-debugger", label="See the message", query={"message": str(origin.log_offset)})


def _draw_row(workspace: Workspace, key: str, origin: TraitOrigin) -> None:
    _step(":material/table_rows:", "Row", f"`{origin.row_key}`")
    if origin.run_id and origin.sync_id:
        draw_link(
            "syncs",
            label="See the record in its run",
            query={"sync": origin.sync_id, "run": origin.run_id, "records_text": str(origin.row_key)},
        )
    sync, model = _find_sync(workspace, origin), _find_sql_model(workspace, origin)
    _step(":material/sync:", "Sync", escape_markdown(origin.sync or origin.sync_id or "No longer known"))
    if sync is not None:
        _step(":material/conversion_path:", "Mapping", _describe_mapping(sync.mapping, key), "As the mapping is today.")
        draw_link("select-mappings", label="See the mapping")
    _step(":material/code:", "SQL model", escape_markdown(origin.sql_model or origin.sql_model_id or "No longer known"))
    if model is not None:
        with st.expander("See the SQL"):
            st.code(model.sql, language="sql", wrap_lines=True)
        _step(":material/database:", "Warehouse", escape_markdown(_name_warehouse(workspace, model)))
        draw_link("warehouses", label="See the warehouse")


def _step(icon: str, label: str, text: str, note: str = "") -> None:
    st.markdown(f"{icon} :gray[{label}] &nbsp; **{text}**" + (f"  \n:small[:gray[{note}]]" if note else ""))


def _describe_mapping(mapping: FieldMapping, key: str) -> str:
    entry = mapping.get("traits", key)
    if entry is None:
        return f"nothing fills `traits.{key}` any more"
    if isinstance(entry.value, ColumnRef):
        return f"column `{entry.value.column}` fills `traits.{key}`"
    return f"the constant `{entry.value.value}` fills `traits.{key}`"


def _find_sync(workspace: Workspace, origin: TraitOrigin) -> Sync | None:
    try:
        return get_sync(workspace, origin.sync_id or "")
    except NotFound:
        return None


def _find_sql_model(workspace: Workspace, origin: TraitOrigin) -> SqlModel | None:
    try:
        return get_sql_model(workspace, origin.sql_model_id or "")
    except NotFound:
        return None


def _name_warehouse(workspace: Workspace, model: SqlModel) -> str:
    try:
        return get_warehouse(workspace, model.warehouse_id).name
    except NotFound:
        return "No longer known"
