"""Step 3, Add identifiers and traits (W61-W70)."""

import streamlit as st

from components.error_panel import error_panel
from components.identifier_actions import make_setup_actions
from components.identifier_table import draw_identifier_table, open_add_identifier
from components.plain_text import escape_markdown
from components.predictive_traits import draw_predictive_traits
from components.state import CHOOSING_TRAITS, get_workspace
from components.trait_picker import draw_trait_picker
from components.wizard import draw_back_link, draw_wizard_header
from core.identity.rules import list_rules
from core.setup.guided_setup import Step, TileState
from core.traits.store import list_traits

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Add identifiers and traits", "identifiers-and-traits")
    draw_back_link()
    st.markdown(
        "**Identifiers** are unique pieces of data that link what you know about one customer across programs, such as"
        " an e-mail address.  \n**Traits** are facts you know about a customer, such as how often they called."
    )
    st.subheader("Identifiers", anchor=False)
    rules, actions = list_rules(workspace, setup.space_id), make_setup_actions(workspace, setup.space_id)
    if rules:
        draw_identifier_table(workspace, rules, actions)
    else:
        st.info("Add at least one identifier. Most start with User ID, Email and Phone.", icon=":material/fingerprint:")
    if st.button("Add identifier", icon=":material/add:", type="secondary" if rules else "primary"):
        open_add_identifier(workspace, rules, actions)

    st.subheader("Computed traits", anchor=False)
    traits = list_traits(workspace, setup.space_id)
    if not rules:
        st.caption("Add an identifier first.")
    elif CHOOSING_TRAITS.read():
        draw_trait_picker(workspace, traits)
    else:
        for trait in traits:
            st.markdown(f":material/functions: **{escape_markdown(trait.name)}** :gray[`{trait.key}`]")
        if setup.traits_saved and not traits:
            st.caption("None is computed. That is fine; you can add some at any time.")
        if st.button(
            "Change computed traits" if traits else "Add computed traits",
            icon=":material/functions:",
            type="secondary" if setup.traits_saved else "primary",
            key="choose_traits",
        ):
            CHOOSING_TRAITS.write(True)
            st.rerun()
    if rules:
        draw_predictive_traits(workspace, str(setup.space_id))
    is_next_open = setup.get_tile(Step.CHECK).state is not TileState.LOCKED
    if is_next_open and st.button("Check configuration", type="primary", icon=":material/arrow_forward:"):
        st.switch_page("../pages/check_configuration.py")
