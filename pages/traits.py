"""Traits: what is computed from events, how it stands, and who would have one more; what queries keep."""

import streamlit as st

from components.address import draw_views, forget, keep
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.space_choice import require_space
from components.sql_traits import draw_sql_traits
from components.state import get_workspace
from components.trait_form import draw_form
from components.trait_list import draw_traits
from core.setup.entitled import create_entitled_trait
from core.setup.entitlements import Entitled, get_usage
from core.traits.store import edit_trait, get_trait, list_traits

workspace = get_workspace()
st.title("Traits", anchor=False)

with error_panel("reading the traits"):
    space = require_space(
        workspace,
        ":material/label:",
        "There are no profiles yet",
        "Then facts about each person can be computed from events.",
    )
    edited = get_trait(workspace, st.query_params["edit"]) if "edit" in st.query_params else None
    if edited is not None or "new" in st.query_params:
        if st.button("All traits", icon=":material/arrow_back:", type="tertiary", key="back"):
            forget("new", "edit")
            st.rerun()
        st.subheader(edited.name if edited else "Create computed trait", anchor=False)

        def save(name: str, kind: str, definition: dict[str, object]) -> None:
            if edited is not None:
                edit_trait(workspace, edited.id, name=name, kind=kind, definition=definition)
            else:
                made = create_entitled_trait(workspace, space.id, name=name, kind=kind, definition=definition)
                keep("trait", made.id)

        if draw_form(workspace, space.id, edited, save):
            forget("new", "edit")
            st.toast("Saved. The worker computes its history.", icon=":material/check:")
            st.rerun()
        st.stop()

    if draw_views({"computed": "From events", "sql": "From SQL"}, name="view") == "sql":
        draw_sql_traits(workspace, space.id)
        st.stop()
    usage = get_usage(workspace, Entitled.COMPUTED_TRAITS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{usage.sentence} {usage.note}", width="stretch")
        if st.button(
            "Create computed trait",
            icon=":material/add:",
            type="primary",
            disabled=not usage.remaining,
            help=None if usage.remaining else "None is left: delete one that you no longer need.",
            key="create_trait",
        ):
            keep("new", "1")
            st.rerun()
    if list_traits(workspace, space.id):
        draw_traits(workspace, space.id)
    else:
        draw_empty_state(
            ":material/calculate:",
            "No computed trait yet",
            "A computed trait is a fact about a person, counted from their events, such as how often they called,"
            " and it stays up to date by itself.",
        )
