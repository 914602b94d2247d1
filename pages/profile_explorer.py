"""Profile Explorer: find a person by any identifier or trait; see identifiers, traits with origin, merges, events."""

import streamlit as st

from components.address import forget
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.navigation import go_to
from components.profile_search import draw_search
from components.profile_view import draw_profile
from components.space_choice import choose_space
from components.state import get_workspace
from components.undo_progress import draw_undo_jobs
from core.profiles.lookup import get_profile

workspace = get_workspace()
with st.container(key="explorer_title"):
    st.title("Profile explorer", anchor=False)

with error_panel("reading the profiles"):
    space = choose_space(workspace)
    if space is None:
        if draw_empty_state(
            ":material/person_search:",
            "There are no profiles yet",
            "The guided setup makes the first space. Profiles appear after the first sync or event.",
            action="Go to the guided setup",
            is_primary=True,
        ):
            go_to("getting-started")
        st.stop()
    wanted = st.query_params.get("id")
    if not wanted:
        draw_undo_jobs(workspace, space.id)
        draw_search(workspace, space)
        st.stop()
    if st.button("All profiles", icon=":material/arrow_back:", type="tertiary", key="back"):
        forget("id", "trait", "before", "view", "kind")
        st.rerun()
    profile = get_profile(workspace, space.id, wanted)
    if wanted.startswith("use_") and wanted != profile.id:
        st.info(f"`{wanted}` was merged into this profile; **Merges** says why.", icon=":material/call_merge:")
    draw_profile(workspace, profile)
