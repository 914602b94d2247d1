"""Ask before something that cannot be taken back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.error_panel import error_panel


def confirm(
    title: str,
    text: str,
    on_confirm: Callable[[], object],
    *,
    confirm_label: str = "Continue",
    cancel_label: str = "Cancel",
    warning: str = "",
    acknowledge: str = "",
) -> None:
    """Open a popup with `text`; run `on_confirm` and redraw the page when a person agrees.

    Call it in the run in which the button was pressed. A failure of `on_confirm` is shown inside the popup, which
    stays open; dismissing the popup changes nothing.

    Args:
        title: The popup's heading.
        text: What will happen; Markdown.
        on_confirm: What to do on agreement.
        confirm_label: The agreeing button.
        cancel_label: The other one.
        warning: A sentence in a warning frame, for what cannot be undone.
        acknowledge: A sentence to tick before the agreeing button works.
    """

    @st.dialog(title)
    def popup() -> None:
        st.markdown(text)
        if warning:
            st.warning(warning, icon=":material/warning:")
        is_free = st.checkbox(acknowledge, key="confirm_acknowledged") if acknowledge else True
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(cancel_label, key="confirm_cancel"):
                st.rerun()
            agreed = st.button(confirm_label, key="confirm_agree", type="primary", disabled=not is_free)
        if agreed:
            with error_panel(title) as attempt:
                on_confirm()
            if not attempt.failed:
                st.rerun()

    popup()
