"""The choice of up to two computed traits (W66, W67)."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.error_panel import error_panel
from components.other_browser import own, saving
from components.state import CHOOSING_TRAITS
from core.setup.guided_setup import MAX_TRAITS, save_traits
from core.traits.computed_trait import ComputedTrait
from core.traits.recipes import RECIPES
from core.workspaces.workspace import Workspace


def draw_trait_picker(workspace: Workspace, traits: Sequence[ComputedTrait]) -> None:
    """Draw the offered traits, the recommended ones marked, and **Save**."""
    saved = {trait.key for trait in traits}
    with st.form("traits", border=True):
        st.caption(f"At most {MAX_TRAITS}. They are computed from Flex events and stay up to date.")
        chosen = []
        for recipe in RECIPES:
            label = f"**{recipe.name}**" + (" :green-badge[Recommended]" if recipe.recommended else "")
            if st.checkbox(
                f"{label}  \n:gray[{recipe.description}]", value=recipe.key in saved, key=f"trait_{recipe.key}"
            ):
                chosen.append(recipe.key)
        if st.form_submit_button("Save", type="primary"):
            with error_panel() as attempt, saving() as version:
                own(save_traits(workspace, chosen, expected_version=version))
            if not attempt.failed:
                CHOOSING_TRAITS.clear()
                st.toast("Saved.", icon=":material/check:")
                st.rerun()
