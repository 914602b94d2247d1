"""What belongs to one space: name, caps, sources, the profiles that are kept apart; and how another space begins."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components.confirm import confirm
from components.error_panel import error_panel
from components.format import format_count, format_time
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.state import SPACE
from components.what_if import draw_what_if
from core.events.event_log import open_event_log
from core.identity.caps import HIGHEST_CAP, change_caps, get_caps
from core.identity.resolve import Caps
from core.identity.rules import add_recommended_identifiers, import_rules, list_rules
from core.profiles.connections import connect_from_now, disconnect_source, list_disconnected_sources
from core.profiles.splits import list_splits
from core.setup.entitled import create_entitled_space
from core.sources.store import Source, list_sources
from core.workspaces.spaces import SPACE_KINDS, Space, connect_source, list_connected_sources, rename_space
from core.workspaces.workspace import MAX_NAME_CHARS, Workspace

_KINDS = {"dev": "Development: to try things", "prod": "Production: what programs read"}
SPLITS_SHOWN = 50
_RECOMMENDED, _NONE = "recommended", "none"
_FROM_NOW = "From now on"
_AGAIN = {
    _FROM_NOW: "What came meanwhile stays out.",
    "With what came meanwhile": "All profiles are built again, with the same ids; meanwhile everybody is found.",
}


def draw_name(workspace: Workspace, space: Space) -> None:
    """Draw the name and a way to change it; the slug stays."""
    with st.form(f"rename_{space.id}", border=True):
        name = st.text_input("Name", value=space.name, max_chars=MAX_NAME_CHARS)
        if st.form_submit_button("Save name"):
            with error_panel("renaming the space") as attempt:
                rename_space(workspace, space.id, name or "")
            if not attempt.failed:
                st.toast("Saved.", icon=":material/check:")
                st.rerun()


def draw_caps(workspace: Workspace, space_id: str) -> None:
    """Draw the caps of a profile, and what others would change."""
    caps = get_caps(workspace, space_id)
    with st.expander(f"A profile has up to {caps.merges:,} merges and {caps.identifiers:,} identifiers"):
        left, right = st.columns(2)
        merges = left.number_input("Merges of one profile", 1, HIGHEST_CAP, caps.merges)
        identifiers = right.number_input("Identifiers of one profile", 1, HIGHEST_CAP, caps.identifiers)
        wanted = Caps(int(merges), int(identifiers))
        st.caption("Changes apply to new data. A profile at a cap still takes events; the violations say so.")
        if st.button("Save caps", disabled=wanted == caps):
            with error_panel("saving the caps") as attempt:
                change_caps(workspace, space_id, wanted)
            if not attempt.failed:
                st.rerun()
        if wanted != caps:
            draw_what_if(workspace, space_id, [], caps=wanted)


def draw_sources(workspace: Workspace, space: Space) -> None:
    """Draw which sources the space reads; connect more, disconnect them and connect them again."""
    connected = list_connected_sources(workspace, space.id)
    disconnected = list_disconnected_sources(workspace, space.id)
    for source in list_sources(workspace):
        name = escape_markdown(source.name)
        with st.container(horizontal=True, vertical_alignment="center"):
            if source.id in connected:
                st.markdown(f":material/check_circle: {name}", width="stretch")
                if st.button("Disconnect …", key=f"disconnect_{source.id}", type="tertiary"):
                    _confirm_disconnect(workspace, space, source)
            elif source.id in disconnected:
                st.markdown(f":material/link_off: :gray[{name} · disconnected]", width="stretch")
                if st.button("Connect again …", key=f"connect_{source.id}"):
                    _open_connect_again(workspace, space, source)
            else:
                st.markdown(f":material/circle: :gray[{name}]", width="stretch")
                if st.button("Connect", key=f"connect_{source.id}"):
                    _connect(workspace, space, source)
    st.caption("A source that is connected is read from the beginning of the event log on, however long ago that was.")


def _connect(workspace: Workspace, space: Space, source: Source) -> None:
    """Connect a source that has sent nothing; of another one, say first how much is read and what that does."""
    with error_panel("connecting the source"):
        sent = open_event_log(workspace).count_by_source().get(source.id)
        if not sent:
            connect_source(workspace, space.id, source.id)
            st.rerun()
        name, of = escape_markdown(source.name), escape_markdown(space.name)
        confirm(
            "Connect a source",
            f"All that **{name}** has sent is read, oldest first, not the last month alone:"
            f" **{format_count(sent, 'event')}**. All profiles of **{of}** are built again, with the same ids; until"
            " that is done, everybody is found as before.",
            lambda: connect_source(workspace, space.id, source.id),
            confirm_label="Connect it",
        )


def _confirm_disconnect(workspace: Workspace, space: Space, source: Source) -> None:
    name, of = escape_markdown(source.name), escape_markdown(space.name)
    confirm(
        "Disconnect a source",
        f"No new event of **{name}** reaches the profiles of **{of}** from now on. What it brought stays on them, also"
        " when they are built again. Its events still go into the event log, and it can be connected again: from then"
        " on, or with what came meanwhile.",
        lambda: disconnect_source(workspace, space.id, source.id),
        confirm_label="Disconnect it",
    )


@st.dialog("Connect again")
def _open_connect_again(workspace: Workspace, space: Space, source: Source) -> None:
    """Ask whether what came meanwhile counts, and connect."""
    st.markdown(f"**{escape_markdown(source.name)}** is read by **{escape_markdown(space.name)}** again:")
    from_when = st.radio("From when", list(_AGAIN), captions=list(_AGAIN.values()), label_visibility="collapsed")
    with error_panel("connecting the source"):
        if st.button("Connect", type="primary", key="connect_agree"):
            (connect_from_now if from_when == _FROM_NOW else connect_source)(workspace, space.id, source.id)
            st.rerun()


def draw_kept_apart(workspace: Workspace, space_id: str) -> None:
    """Draw the merges that were undone; each is taken back on the page of its person."""
    found = list_splits(workspace, space_id)
    if not found:
        st.caption("No merge was undone. **Merges** on a person's page does it.")
        return
    shown = found[:SPLITS_SHOWN]
    table = {
        "Profile": [rule.merged_now for rule in shown],
        "Kept apart from": [rule.survivor_now for rule in shown],
        "Since": [format_time(rule.created_at) for rule in shown],
        "By": [rule.created_by for rule in shown],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Profiles that are kept apart, newest first")
    query = {"id": shown[0].merged_now, "view": "merges"}
    draw_link("profile-explorer", label="The newest", icon=":material/person:", query=query)


@st.dialog("Add space")
def open_create(workspace: Workspace, spaces: Sequence[Space]) -> None:
    """Ask for name, kind and where the rules come from; make the space and look at it."""
    name = st.text_input("Name", max_chars=MAX_NAME_CHARS, key="space_name")
    kind = st.selectbox("Kind", SPACE_KINDS, format_func=lambda each: _KINDS[each], key="space_kind")
    offered = {space.id: f"As in {space.name}" for space in spaces if list_rules(workspace, space.id)}
    offered |= {_RECOMMENDED: "Recommended: User ID, Email, Anonymous ID, Phone", _NONE: "None yet"}
    start = st.selectbox("Identity rules", list(offered), format_func=lambda each: offered[each], key="space_rules")
    with error_panel("making the space"):
        if st.button("Add space", type="primary", key="space_create", disabled=not (name or "").strip()):
            space = create_entitled_space(workspace, name or "", kind=kind)
            if start == _RECOMMENDED:
                add_recommended_identifiers(workspace, space.id)
            elif start != _NONE:
                import_rules(workspace, space.id, start)
            SPACE.write(space.slug)
            st.rerun()


@st.dialog("Import rules")
def open_import(workspace: Workspace, space: Space, others: Sequence[Space]) -> None:
    """Ask from where, say what is replaced, and import."""
    other = st.selectbox("From", others, format_func=lambda each: each.name, key="import_from")
    types = ", ".join(f"`{rule.type}`" for rule in list_rules(workspace, other.id))
    st.markdown(
        f"All identity rules and caps of **{escape_markdown(space.name)}** are replaced by those of "
        f"**{escape_markdown(other.name)}**: {types}."
    )
    st.caption("They apply to new data; a rebuild applies them to everything.")
    with error_panel("importing the rules"):
        if st.button("Import rules", type="primary", key="import_agree"):
            import_rules(workspace, space.id, other.id)
            st.rerun()
