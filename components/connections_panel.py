"""Step 2 on the start page: the connections of the chosen branch, in their order (W19, W24, W28, W31, W35)."""

from __future__ import annotations

import streamlit as st

from core.setup.guided_setup import Connection, ConnectionStep, Setup, Step, TileState

PAGES = {
    Connection.WAREHOUSE: "../pages/connect_warehouse.py",
    Connection.SQL_MODEL: "../pages/define_model.py",
    Connection.MAPPING: "../pages/select_mappings.py",
    Connection.WEBSITE: "../pages/connect_website.py",
    Connection.MOBILE: "../pages/connect_mobile.py",
}
EXPLANATIONS = {
    Connection.WAREHOUSE: "Where your customer data lives.",
    Connection.SQL_MODEL: "One SQL query that returns one row for each customer.",
    Connection.MAPPING: "Which column fills which field of a profile.",
    Connection.WEBSITE: "A snippet sends what people do on it.",
    Connection.MOBILE: "A library sends what people do in them.",
}
BUTTONS = {Connection.WEBSITE: "Connect Source", Connection.MOBILE: "Connect Source"}
"""The labels of buttons that do not say the same as their heading (W43, W53)."""


def draw_connections(setup: Setup) -> None:
    """Draw one row a connection, each locked until the one before it is done."""
    st.subheader("Add connections", anchor="add-connections")
    warehouse = setup.get_connection(Connection.WAREHOUSE) is not None
    st.caption(
        "Connect your customer data now; more data sources can be added after the setup."
        + (" The first sync of a large warehouse can take up to 24 hours." if warehouse else "")
    )
    is_due = setup.get_tile(Step.CONNECTIONS).state is not TileState.COMPLETE
    for step in setup.connections:
        _draw_row(step, is_due=is_due)
    # Once step 3 is complete, the way on is in its tile: one main button a page.
    is_next = setup.get_tile(Step.IDENTIFIERS).state is TileState.OPEN
    if is_next and st.button(
        "Add identifiers and traits", type="primary", icon=":material/arrow_forward:", key="go_identifiers"
    ):
        st.switch_page("../pages/identifiers_and_traits.py")


def _draw_row(step: ConnectionStep, *, is_due: bool) -> None:
    is_done, is_locked = step.state is TileState.COMPLETE, step.state is TileState.LOCKED
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        wrap=not is_done,  # on a phone there is room for Change beside the text, not for a long label
    ):
        icon = ":green[:material/check_circle:]" if is_done else ":material/radio_button_unchecked:"
        st.markdown(
            f"{icon} **{step.label}**  \n:gray[{step.reason or EXPLANATIONS[step.connection]}]", width="stretch"
        )
        if st.button(
            "Change" if is_done else BUTTONS.get(step.connection, step.label),
            key=f"connection_{step.connection.name}",
            disabled=is_locked,
            help=step.reason if is_locked else None,
            type="primary" if is_due and not (is_done or is_locked) else "secondary",
        ):
            st.switch_page(PAGES[step.connection])
