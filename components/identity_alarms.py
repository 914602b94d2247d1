"""What in the identity of a space needs a person: shared values, crowded profiles, profiles at a cap."""

from __future__ import annotations

import streamlit as st

from components.format import format_count
from components.navigation import draw_link
from core.identity.resolve import VIOLATION_LABELS
from core.profiles.alarms import CrowdedProfile, FullProfile, IdentityAlarms, SharedIdentifier, read_alarms
from core.workspaces.workspace import Workspace


def draw_alarms(workspace: Workspace, space_id: str) -> None:
    """Draw each alarm with the way to what it is about; nothing where there is none."""
    alarms = _read(workspace, str(workspace.home.root), space_id)
    if not alarms.count:
        return
    st.subheader("Needs a look", anchor=False)
    for shared in alarms.shared:
        _draw_shared(shared)
    for crowded in alarms.crowded:
        _draw_crowded(crowded)
    for full in alarms.full:
        _draw_full(full)


@st.cache_data(ttl=30, show_spinner=False)
def _read(_workspace: Workspace, home: str, space_id: str) -> IdentityAlarms:
    return read_alarms(_workspace, space_id)  # of a million violations it takes a while, and half a minute is young


def _draw_shared(shared: SharedIdentifier) -> None:
    type_, value = shared.identifier
    with st.container(border=True):
        st.text(f"{type_} {value}")  # plain: Markdown would make links of e-mail addresses
        st.markdown(
            ":material/groups: Shared by very many: it was refused to"
            f" {format_count(shared.people, 'person', 'people')}. A shop's phone, a placeholder? **Block** the value,"
            " or raise the limit if it is right."
        )
        with st.container(horizontal=True):
            query = {"type": type_, "value": value}
            draw_link("identity-violations", label="Its violations", icon=":material/gpp_maybe:", query=query)
            query = {"id": f"{type_}:{value}"}
            draw_link("profile-explorer", label="Who has it", icon=":material/person:", query=query)


def _draw_crowded(crowded: CrowdedProfile) -> None:
    with st.container(border=True):
        st.text(", ".join(f"{type_} {value}" for type_, value in crowded.identifiers) or crowded.profile_id)
        st.markdown(
            f":material/groups: {format_count(crowded.refused, 'identifier')} of others were refused to this profile."
            " Many people share one of its own: **block** the one that names nobody."
        )
        draw_link("profile-explorer", label="The profile", icon=":material/person:", query={"id": crowded.profile_id})


def _draw_full(full: FullProfile) -> None:
    with st.container(border=True):
        st.markdown(
            f":material/warning: **{VIOLATION_LABELS[full.rule]}** {format_count(full.refusals, 'time')} on"
            f" `{full.profile_id}`. Look at what it is made of; the cap is a setting of the space."
        )
        draw_link("profile-explorer", label="The profile", icon=":material/person:", query={"id": full.profile_id})
