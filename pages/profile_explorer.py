"""Profile Explorer: find a person by any identifier or trait; see identifiers, traits with origin, merges, events."""

import streamlit as st

from components.address import forget
from components.build_failure import draw_build_failure
from components.error_panel import error_panel
from components.profile_search import draw_search
from components.profile_view import draw_profile
from components.space_choice import require_space
from components.state import get_workspace
from components.undo_progress import draw_undo_jobs
from core.profiles.lookup import get_profile

workspace = get_workspace()
st.title("Profile explorer", anchor=False)

with error_panel("reading the profiles"):
    space = require_space(
        workspace,
        ":material/person_search:",
        "There are no profiles yet",
        "Profiles appear after the first sync or event.",
    )
    draw_build_failure(workspace, space.id)
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
