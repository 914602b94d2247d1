"""How a small app begins anew in a tab that shows it: by the next number in `?case=N`."""

import streamlit as st

from components.state import SessionValue

_CASE = SessionValue("case", str)


def begin_case() -> str:
    """Forget what was done in another case; return this one, to be part of the keys of what it draws."""
    case = st.query_params.get("case", "")
    if _CASE.read() != case:
        st.session_state.clear()
        _CASE.write(case)
    st.html(f'<span data-testid="case-{int(case or 0)}"></span>')  # by which a test knows that it is there
    return case
