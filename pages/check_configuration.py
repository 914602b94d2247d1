"""Step 4, Check configuration: Enable Sources and Test Connections, then Return to Flex (W83-W92)."""

import streamlit as st

from components.check_list import draw_check_list
from components.error_panel import error_panel
from components.state import get_workspace
from components.wizard import draw_back_link, draw_wizard_header
from core.checks.check import CheckResult, CheckState
from core.setup.guided_setup import get_latest_checks, run_setup_checks

ORDER = {CheckState.FAILED: 0, CheckState.WARNING: 1, CheckState.BLOCKED: 2}  # what needs a person comes first
FLEX_CONSOLE_URL = "https://flex.twilio.com/admin"

workspace = get_workspace()

with error_panel():
    setup = draw_wizard_header(workspace, "Check configuration", "check-configuration")
    draw_back_link()
    st.markdown("The last step: the sources are enabled, and every source and connection is checked.")
    if st.button(
        "Enable Sources and Test Connections",
        type="secondary" if setup.check_passed else "primary",  # then the way on is Return to Flex
        icon=":material/fact_check:",
        key="run_checks",
    ):
        slot = st.empty()
        results: dict[str, CheckResult] = {}

        def show(result: CheckResult) -> None:
            results[result.code] = result  # each check is told twice: when it starts and when it has ended
            with slot.container():
                draw_check_list(results.values())

        with st.spinner("Checking …"):
            run_setup_checks(workspace, on_result=show)
        st.rerun()
    run = get_latest_checks(workspace)
    if run is not None:
        if setup.check_passed:
            st.success("Everything is connected. Step 4 is complete.", icon=":material/check_circle:")
            st.link_button("Return to Flex", FLEX_CONSOLE_URL, type="primary", icon=":material/open_in_new:")
        elif run.state is CheckState.FAILED:
            st.error(
                "Some checks failed. Each one below says what to do; then press the button again.",
                icon=":material/error:",
            )
        else:
            st.warning("The configuration has changed since the last check. Check it again.", icon=":material/update:")
        draw_check_list(sorted(run.results, key=lambda result: ORDER.get(result.state, len(ORDER))))
        st.subheader("Additional Troubleshooting Tools", anchor=False)
        st.page_link("../pages/event_debugger.py", label="Event Debugger", icon=":material/bug_report:")
        st.caption("Check that calls are sent in the expected format, without waiting for any processing.")
        st.page_link("../pages/profile_explorer.py", label="Profile Explorer", icon=":material/person_search:")
        st.caption("See all data of a person: event history, traits, identifiers.")
        st.page_link("../pages/overview.py", label="Advanced Segment", icon=":material/hub:")
        st.caption("The full workspace. Recommended only together with Professional Services.")
