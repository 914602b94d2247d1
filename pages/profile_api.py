"""Profile API: who may read profiles, how often, and a request to copy."""

import streamlit as st

from components.error_panel import error_panel
from components.flex_view import draw_flex_view
from components.profile_tokens import draw_tokens
from components.sender_address import get_sender_address
from components.space_choice import require_space
from components.state import get_workspace
from core.workspaces.profile_api import MAX_REQUESTS_PER_S, get_api_settings, set_api_settings

workspace = get_workspace()
st.title("Profile API", anchor=False)
st.caption("Other programs, such as an agent's desktop, read profiles by HTTP. Each has a token of its own.")

with error_panel("reading the access to profiles"):
    space = require_space(
        workspace, ":material/api:", "There are no profiles yet", "Then programs can be given access to it."
    )
    st.subheader("Tokens", anchor="tokens")
    draw_tokens(workspace, space.id)

    st.subheader("A request to copy", anchor="request")
    path = f"/v1/spaces/{space.id}/collections/users/profiles/phone:%2B14155550100/traits"
    st.code(f"curl -u TOKEN: '{get_sender_address()}{path}'", language=None, wrap_lines=True)
    st.caption(
        "The token is the user name, and the password is empty. The parts are traits, external_ids, events, metadata "
        "and links. A plus is written %2B."
    )

    st.subheader("Flex view", anchor="flex-view")
    draw_flex_view(workspace, space.id)

    st.subheader("Requests a second", anchor="rate")
    settings = get_api_settings(workspace, space.id)
    with st.form("rate", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        rate = st.number_input(
            "All tokens of the space together",
            min_value=1,
            max_value=MAX_REQUESTS_PER_S,
            value=settings.requests_per_s,
            key=f"rate_{space.id}",
            width=220,
        )
        is_pressed = st.form_submit_button("Save")
    if is_pressed:
        with error_panel("saving the requests a second"):
            set_api_settings(workspace, space.id, requests_per_s=int(rate))
            st.toast("Saved.", icon=":material/check:")
    st.caption("Beyond that a program is answered with 429 and told when to ask again.")
