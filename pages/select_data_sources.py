"""Step 1, Select your data sources: choose, read how it connects, confirm for good (W9-W14)."""

import streamlit as st

from components.error_panel import error_panel
from components.navigation import draw_link
from components.other_browser import own, saving
from components.state import get_workspace
from components.wizard import HOME, draw_wizard_header
from core.setup.guided_setup import BRANCHES, WARNING_TEXT, WARNING_TITLE, Branch, choose_branch, confirm_branch

workspace = get_workspace()


@st.dialog("How this data source connects to Segment")
def explain(branch: Branch) -> None:
    """Draw the popup of W10."""
    st.markdown(branch.explanation)
    st.caption("After **Continue** the choice cannot be changed. Close this window to choose again.")
    if st.button("Continue", type="primary", key="continue_branch"):
        with error_panel():
            with saving() as version:
                own(confirm_branch(workspace, branch.name, expected_version=version))
            st.switch_page(HOME)


with error_panel():
    setup = draw_wizard_header(workspace, "Select your data sources", "select-data-sources")
    if setup.confirmed:
        chosen = next(branch for branch in BRANCHES if branch.name == setup.branch)
        st.success(f"Your data source is **{chosen.label}**. This choice is final.", icon=":material/lock:")
        st.markdown(chosen.explanation)
        st.page_link(HOME, label="Go on to Add connections", icon=":material/arrow_forward:")
        st.stop()
    st.warning(f"**{WARNING_TITLE}**\n\n{WARNING_TEXT}", icon=":material/warning:")
    draw_link("overview", label="Add more sources after the setup, on Your Segment Overview")
    names = [branch.name for branch in BRANCHES]
    labels = {branch.name: branch.label for branch in BRANCHES}
    choice = st.radio(
        "Where does your customer data live?",
        names,
        index=names.index(setup.branch) if setup.branch in names else 0,
        format_func=labels.get,
        captions=[branch.summary for branch in BRANCHES],
    )
    if st.button("Next", type="primary", key="next_branch"):
        with saving() as version:
            own(choose_branch(workspace, choice, expected_version=version))
        explain(next(branch for branch in BRANCHES if branch.name == choice))
