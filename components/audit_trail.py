"""Who changed what, when, from what, to what: the audit trail in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from components.address import draw_older_newer, draw_select, read_number
from components.choice_table import draw_choice_table
from components.empty_state import draw_empty_state
from components.format import NONE, format_time, shorten
from core.destinations.store import list_destinations
from core.sources.store import list_sources
from core.sql_models.sql_model import list_sql_models
from core.syncs.sync import list_syncs
from core.warehouses.store import list_warehouses
from core.workspaces.audit import AuditEntry, list_changes
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace

PAGE_SIZE = 50
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+\d\d:\d\d|Z)$")
_SPELLED = {"sql model": "SQL model", "setup": "guided setup", "sql": "SQL", "profile api": "Profile API settings"}
OBJECT_TYPES = (
    "workspace",
    "setup",
    "space",
    "source",
    "warehouse",
    "sql_model",
    "destination",
    "sync",
    "sync_run",
    "identifier",
    "merge",
    "computed_trait",
    "refused_event",
    "profile_token",
    "profile_api",
    "regulation",
    "profiles_sync",
)


def draw_audit_trail(workspace: Workspace) -> None:
    """Draw a page of the trail, newest first, and the chosen change in full."""
    object_type = draw_select(
        "What was changed",
        OBJECT_TYPES,
        name="changed",
        describe=_spell,
        placeholder="Everything",
        width=260,
        resets=("before",),
    )
    found = list_changes(workspace, object_type=object_type, before=read_number("before"), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    if not shown:
        draw_empty_state(
            ":material/history:", "No change here", "Every change of the configuration is listed, with who and when."
        )
        return
    names = _read_names(workspace)
    chosen = draw_choice_table(
        {
            "When": [format_time(change.at) for change in shown],
            "Who": [change.actor for change in shown],
            "What": [describe_action(change, names) for change in shown],
            "Before → after": [describe_change(change, names) for change in shown],
        },
        [str(change.id) for change in shown],
        None,
        key=f"audit_{shown[0].id}_{object_type}",
        alt="Changes of the configuration, newest first",
        column_config={"What": st.column_config.TextColumn(width=300)},
    )
    for change in shown:
        if str(change.id) == chosen:
            _draw_change(change, names)
    draw_older_newer("before", oldest=shown[-1].id, has_older=len(found) > PAGE_SIZE)


def describe_action(change: AuditEntry, names: Mapping[str, str]) -> str:
    """Return what was done to what: `Enabled source “Customers”`."""
    name = _name(change, names)
    return f"{change.action.capitalize()} {_in_sentence(change.object_type)}" + (f" “{name}”" if name else "")


def describe_change(change: AuditEntry, names: Mapping[str, str]) -> str:
    """Return what differs, `mode: upsert → mirror`; ids of objects that exist are given by name."""
    before, after = change.before or {}, change.after or {}
    parts = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        words = f"{_show(old, names)} → {_show(new, names)}" if key in before else _show(new, names)
        parts.append(f"{_in_sentence(key)}: {words}")
    return "; ".join(parts)


def _draw_change(change: AuditEntry, names: Mapping[str, str]) -> None:
    with st.container(border=True):
        st.markdown(f"**{describe_action(change, names)}** :gray[· `{change.object_id}`]")
        before, after = st.columns(2)
        before.caption("Before")
        before.json(change.before or {})
        after.caption("After")
        after.json(change.after or {})


def _name(change: AuditEntry, names: Mapping[str, str]) -> str:
    for document in (change.after, change.before):
        name = (document or {}).get("name")
        if isinstance(name, str):
            return name
    if change.object_type in ("workspace", "setup"):
        return ""
    return names.get(change.object_id) or change.object_id.rpartition(":")[2]


def _show(value: object, names: Mapping[str, str]) -> str:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return shorten(json.dumps(value, ensure_ascii=False), 80)
    if _MOMENT.match(value):
        return format_time(datetime.fromisoformat(value))
    return shorten(names.get(value, value), 80)


def _spell(key: str) -> str:
    words = key.removesuffix("_id").replace("_", " ")
    words = _SPELLED.get(words, words)
    return words[:1].upper() + words[1:]


def _in_sentence(key: str) -> str:
    words = _spell(key)
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def _read_names(workspace: Workspace) -> dict[str, str]:
    objects: Sequence[Sequence[object]] = (
        list_spaces(workspace),
        list_sources(workspace),
        list_warehouses(workspace),
        list_sql_models(workspace),
        list_destinations(workspace),
        list_syncs(workspace),
    )
    return {item.id: item.name for found in objects for item in found}  # type: ignore[attr-defined]
