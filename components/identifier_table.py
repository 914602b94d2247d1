"""The table of identifiers with Edit and Delete, and the picker of the eleven default ones (W62-W64, W71)."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.error_panel import error_panel
from components.format import format_count
from components.identifier_actions import IdentifierActions
from components.what_if import draw_what_if
from core.identity.edits import RuleEdit
from core.identity.identifiers import DEFAULT_IDENTIFIERS, describe_place
from core.identity.rules import PERIODS, IdentifierRule, Period
from core.workspaces.workspace import Workspace

_PERIODS = {
    Period.EVER: ", ever",
    Period.DAILY: " a day",
    Period.WEEKLY: " a week",
    Period.MONTHLY: " a month",
    Period.ANNUALLY: " a year",
}


def draw_identifier_table(workspace: Workspace, rules: Sequence[IdentifierRule], actions: IdentifierActions) -> None:
    """Draw one row an identifier; the menu of each row holds **Edit** and **Delete**."""
    with st.container(border=True):
        for rule in rules:
            with st.container(horizontal=True, vertical_alignment="center", wrap=False, key=f"identifier_{rule.type}"):
                st.markdown(
                    f"`{rule.type}`{' :blue-badge[Custom]' if rule.custom else ''}  \n:gray[{_describe(rule)}]",
                    width="stretch",
                )
                with st.popover("", icon=":material/more_vert:", help=f"Edit or delete {rule.type}", width="content"):
                    if st.button("Edit", key=f"edit_{rule.type}", icon=":material/edit:", width="stretch"):
                        _edit(workspace, rule, actions, lowest=len(rules))
                    if st.button(
                        "Delete",
                        key=f"delete_{rule.type}",
                        icon=":material/delete:",
                        width="stretch",
                        disabled=len(rules) == 1,
                        help="The last identifier stays: add another one first." if len(rules) == 1 else None,
                    ):
                        _delete(workspace, rule, actions)


def _describe(rule: IdentifierRule) -> str:
    blocked = len(rule.blocked_exact) + len(rule.blocked_patterns)
    limit = f"up to {format_count(rule.value_limit, 'value')} for one profile{_PERIODS[Period(rule.period)]}"
    held_back = format_count(blocked, "blocked value") if blocked else "nothing blocked"
    parts = (f"Priority {rule.priority}", describe_place(rule), limit, held_back)
    return " · ".join(filter(None, parts))


@st.dialog("Add identifier")
def open_add_identifier(workspace: Workspace, rules: Sequence[IdentifierRule], actions: IdentifierActions) -> None:
    """Show the picker of default identifiers and the form for a custom one."""
    taken = {rule.type for rule in rules if not rule.external_only}
    default, custom = st.tabs(["Select default identifiers", "Create identifier"])
    with default, error_panel():
        chosen = [
            item.type
            for item in DEFAULT_IDENTIFIERS
            if st.checkbox(
                f"**{item.label}** `{item.type}`  \n:gray[{item.description}]",
                value=item.type in taken,
                disabled=item.type in taken,
                key=f"pick_{item.type}",
            )
            and item.type not in taken
        ]
        if st.button("Add identifiers", type="primary", disabled=not chosen):
            actions.add_default(chosen)
            st.rerun()
    with custom, error_panel():
        if "phone" not in taken:
            st.caption("Recommended: `phone`, because Flex looks people up by phone number in E.164.")
        name = st.text_input("Name", value="" if "phone" in taken else "phone", max_chars=80)
        key = st.text_input("Key of the trait or property", placeholder="The same as the name", max_chars=80)
        limit = st.number_input("Values for one profile", min_value=1, max_value=1000, value=5)
        period = st.selectbox("Within", PERIODS, format_func=str.capitalize)
        edit = RuleEdit(name.strip(), int(limit), period, key=key.strip() or None, is_added=True)
        if st.button("Create identifier", type="primary"):
            actions.add_custom(edit)
            st.rerun()
        if rules:
            draw_what_if(workspace, actions.space_id, [edit])


@st.dialog("Edit identifier")
def _edit(workspace: Workspace, rule: IdentifierRule, actions: IdentifierActions, *, lowest: int) -> None:
    st.markdown(f"`{rule.type}`")
    key, in_properties = _ask_place(rule)
    limit = st.number_input("Values for one profile", min_value=1, max_value=1000, value=rule.value_limit)
    period = st.selectbox("Within", PERIODS, index=PERIODS.index(rule.period), format_func=str.capitalize)
    priority = st.number_input(
        f"Priority, from 1 (strongest) to {lowest}",
        min_value=1,
        max_value=lowest,
        value=rule.priority,
        disabled=lowest == 1,
        help="Moves it to this place; those below move down. Where a message ties too much together, the identifier"
        " with the weakest priority is left out first.",
    )
    exact = st.text_area("Blocked values, one a line", value="\n".join(rule.blocked_exact))
    patterns = st.text_area(
        "Blocked patterns (regular expressions), one a line", value="\n".join(rule.blocked_patterns)
    )
    st.caption("Changes apply to new data. Loosening is safe; tightening can leave profiles as they were.")
    edit = RuleEdit(
        rule.type,
        int(limit),
        period,
        int(priority),
        tuple(line.strip() for line in exact.splitlines() if line.strip()),
        tuple(line.strip() for line in patterns.splitlines() if line.strip()),
        key,
        in_properties,
    )
    with error_panel():
        if st.button("Save", type="primary", key="save_identifier"):
            actions.edit(edit)
            st.rerun()
    draw_what_if(workspace, actions.space_id, [edit])


def _ask_place(rule: IdentifierRule) -> tuple[str | None, bool | None]:
    """Ask where the identifier is read from, if that can be chosen: the key, and whether in properties as well."""
    if rule.external_only:
        return None, None
    if rule.custom:
        key = st.text_input("Key of the trait or property", value=rule.trait_key, max_chars=80)
        return key.strip() or rule.type, None
    if rule.type == "email":
        help_ = "Off, because an e-mail address in properties can be somebody else's: of a friend who gets a present."
        return None, st.checkbox("Read properties.email, too", value=rule.in_properties, help=help_)
    return None, None


@st.dialog("Delete identifier")
def _delete(workspace: Workspace, rule: IdentifierRule, actions: IdentifierActions) -> None:
    st.markdown(f"New data will no longer be linked by `{rule.type}`. Profiles keep the values they have.")
    with error_panel():
        if st.button("Delete", type="primary", key="confirm_delete_identifier"):
            actions.delete(rule.type)
            st.rerun()
    draw_what_if(workspace, actions.space_id, [RuleEdit(rule.type, is_deleted=True)])
