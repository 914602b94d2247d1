"""Spaces: where profiles live, each with its own identity rules, caps and sources; two at most (W1, W119)."""

import streamlit as st

from components.build_failure import draw_build_failure
from components.confirm import confirm
from components.error_panel import error_panel
from components.event_filters import draw_event_filters
from components.format import format_count, format_number
from components.identifier_actions import make_space_actions
from components.identifier_table import draw_identifier_table, open_add_identifier
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.rebuild_progress import draw_rebuild
from components.space_choice import require_space
from components.space_settings import draw_caps, draw_kept_apart, draw_name, draw_sources, open_create, open_import
from components.state import get_workspace
from core.identity.rules import list_rules
from core.profiles.build import find_rebuild, rebuild
from core.profiles.lookup import count_profiles
from core.setup.entitlements import Entitled, get_usage
from core.workspaces.spaces import list_spaces

workspace = get_workspace()
st.title("Spaces", anchor=False)
st.caption(
    "A space holds profiles with identity rules of its own: one to try things (dev), one that programs read (prod)."
)

with error_panel("reading the spaces"):
    space = require_space(workspace, ":material/deployed_code:", "There is no space yet")
    usage = get_usage(workspace, Entitled.SPACES)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{format_count(count_profiles(workspace, space.id), 'profile')}** in `{space.slug}` ({space.kind})"
            f" · {format_number(usage.used)} of {format_count(usage.limit, 'space')} in use"
        )
        help_ = None if usage.remaining else f"{usage.limit} spaces are what this workspace includes."
        if st.button("Add space", icon=":material/add:", disabled=not usage.remaining, help=help_):
            open_create(workspace, list_spaces(workspace))
    draw_name(workspace, space)
    draw_build_failure(workspace, space.id)

    st.subheader("Identity rules", anchor="rules")
    rules, actions = list_rules(workspace, space.id), make_space_actions(workspace, space.id)
    if rules:
        draw_identifier_table(workspace, rules, actions)
    else:
        st.info("Without an identifier no message finds a profile. Add some, or import rules.", icon=":material/info:")
    with st.container(horizontal=True):
        if st.button("Add identifier", icon=":material/add:"):
            open_add_identifier(workspace, rules, actions)
        others = [other for other in list_spaces(workspace) if other.id != space.id and list_rules(workspace, other.id)]
        if others and st.button("Import rules", icon=":material/download:"):
            open_import(workspace, space, others)
        rebuilding = find_rebuild(workspace, space.id)
        if rules and rebuilding is None and st.button("Build all profiles again", icon=":material/restart_alt:"):
            confirm(
                "Build all profiles again",
                f"Rules that are changed count for new data. This applies those of **{escape_markdown(space.name)}** to"
                " everything: its profiles are built again from the event log, with the same ids. Until that is done,"
                " everybody is found as before, and new messages count. Messages that are no longer in the log are lost"
                " to profiles.",
                lambda: rebuild(workspace, space.id),
                confirm_label="Build again",
            )
    if rebuilding is not None:
        draw_rebuild(workspace, space.id, rebuilding.failure)
    draw_caps(workspace, space.id)
    draw_link("identity-violations", icon=":material/gpp_maybe:")

    st.subheader("Sources that it reads", anchor="sources")
    draw_sources(workspace, space)
    st.subheader("Event filters", anchor="filters")
    draw_event_filters(workspace, space)
    st.subheader("Profiles kept apart", anchor="kept-apart")
    draw_kept_apart(workspace, space.id)
