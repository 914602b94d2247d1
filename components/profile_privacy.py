"""Deleting or suppressing the person who is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from components.confirm import confirm
from components.format import format_count, format_time
from components.navigation import draw_link
from core.privacy.job import NOT_DELETED
from core.privacy.regulation import RegulationKind, request_regulation
from core.profiles.profile import Profile
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace


def draw_profile_privacy(workspace: Workspace, profile: Profile) -> None:
    """Draw what can be done about the person's data; each is asked for once more before it is done."""
    users = [each.value for each in profile.identifiers if each.type == "user_id"]
    suppressed = list_suppressed(workspace)
    theirs = [user for user in users if user in suppressed]
    if theirs:
        since = format_time(min(suppressed[user] for user in theirs))
        st.info(
            f"Suppressed since {since}: what they send is dropped, and no sync sends them.", icon=":material/block:"
        )
    if not users:
        st.caption("Without a user id a person can be deleted, not suppressed: the door compares user ids.")
    with st.container(horizontal=True):
        if users and st.button("Delete and suppress", icon=":material/person_remove:", key="privacy_both"):
            _ask(workspace, profile, users, RegulationKind.SUPPRESS_WITH_DELETE)
        if st.button("Delete", icon=":material/delete:", key="privacy_delete"):
            _ask(workspace, profile, users, RegulationKind.DELETE_ONLY)
        if theirs:
            if st.button("Lift the suppression", icon=":material/lock_open:", key="privacy_lift"):
                request_regulation(workspace, RegulationKind.UNSUPPRESS, theirs)
                st.rerun()
        elif users and st.button("Suppress", icon=":material/block:", key="privacy_suppress"):
            request_regulation(workspace, RegulationKind.SUPPRESS_ONLY, users)
            st.rerun()
    st.caption(NOT_DELETED)
    draw_link("privacy", label="Everything that was asked for, with receipts", icon=":material/policy:")


def _ask(workspace: Workspace, profile: Profile, users: Sequence[str], kind: RegulationKind) -> None:
    confirm(
        "Delete this person?",
        f"Every message, profile, trait and record of this person goes, with "
        f"{format_count(len(profile.identifiers), 'identifier')}.",
        _make_request(workspace, profile, users, kind),
        confirm_label="Delete",
        warning="This cannot be undone. A worker does it within a minute; **Privacy** shows what went where.",
        acknowledge="I have the right person.",
    )


def _make_request(
    workspace: Workspace, profile: Profile, users: Sequence[str], kind: RegulationKind
) -> Callable[[], object]:
    return lambda: request_regulation(workspace, kind, users, profile_ids={profile.space_id: [profile.id]})
