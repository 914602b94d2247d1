"""Profile Explorer: find a person by any identifier or trait; see identifiers, traits with origin, merges, events."""

import streamlit as st

from components.error_panel import error_panel
from components.format import format_number
from components.plain_text import escape_markdown
from components.profile_view import draw_profile
from components.state import get_workspace
from core.profiles.lookup import count_profiles, get_profile, search_profiles
from core.workspaces.spaces import list_spaces

PAGE_SIZE = 20

workspace = get_workspace()
st.title("Profile explorer", anchor=False)

with error_panel():
    spaces = list_spaces(workspace)
    if not spaces:
        st.info("There are no profiles yet: the guided setup makes the first space.", icon=":material/person_search:")
        st.page_link("../pages/getting_started.py", label="Go to the guided setup", icon=":material/flag:")
        st.stop()
    space = spaces[0]
    total = count_profiles(workspace, space.id)
    profile_id = st.query_params.get("id")
    if profile_id:
        if st.button("All profiles", icon=":material/arrow_back:", type="tertiary"):
            del st.query_params["id"]
            st.rerun()
        draw_profile(workspace, get_profile(workspace, space.id, profile_id))
        st.stop()

    text = st.text_input(
        "Search",
        placeholder="E-mail, phone, user id, name, any trait, or type:value",
        key="profile_search",
        bind="query-params",
        label_visibility="collapsed",
    )
    st.caption(f"{format_number(total)} profiles in {space.name}")
    found = search_profiles(workspace, space.id, text or "", limit=PAGE_SIZE)
    if not found and total:
        st.info(
            f"Nobody matches “{text}”. Try a part of the name, the e-mail, or the phone number without spaces.",
            icon=":material/search_off:",
        )
    elif not found:
        st.info(
            "No profiles yet. They appear here after the first sync, or as soon as events arrive.",
            icon=":material/person_search:",
        )
    for summary in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{escape_markdown(summary.title)}**")
                st.text(summary.subtitle)  # plain: Markdown would make links of e-mail addresses
            if st.button("Open", key=f"open_{summary.id}", icon=":material/chevron_right:"):
                st.query_params["id"] = summary.id
                st.rerun()
    if len(found) == PAGE_SIZE:
        st.caption(f"The first {PAGE_SIZE} are shown. Type more to narrow the search.")
