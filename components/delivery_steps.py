"""The steps from received to delivered, each with its count, its share, and the change since the time before."""

from __future__ import annotations

import streamlit as st

from components.format import format_change, format_number, format_share
from components.navigation import draw_link
from core.profiles.delivery import Delivery

_KEPT_OUT = "By an identity rule or an event filter: in the log, and on no profile."


def draw_steps(now: Delivery, before: Delivery, compared_with: str) -> None:
    """Draw a tile a step.

    Args:
        now: What became of the events of the time shown.
        before: The same of the time before.
        compared_with: The time before, in words.
    """
    steps = (
        ("Received", now.received, before.received, None, "Everything that came, refused or not."),
        ("Failed on ingest", now.failed, before.failed, now.received, "Refused, with a code that says why."),
        ("Filtered at source", now.filtered, before.filtered, now.received, "Refused because a source is disabled."),
        ("Delivered to profiles", now.reached, before.reached, now.received, "Belong to a profile."),
        ("Kept out by a rule", now.dropped, before.dropped, now.received, _KEPT_OUT),
        ("Not yet delivered", _open(now), _open(before), now.received, "Wait to be built, or are not read."),
    )
    with st.grid(3, min_column_width=150):
        for label, count, count_before, whole, meaning in steps:
            with st.container(border=True, gap="xsmall"):
                st.metric(
                    label,
                    format_number(count),
                    delta=format_change(count, count_before),
                    delta_color="off",
                    delta_arrow="off",
                    help=f"{meaning} Compared with {compared_with}: {format_number(count_before)}.",
                )
                if whole is not None:
                    st.caption(f"{format_share(count / whole) if whole else '0 %'} of received")
                else:
                    st.caption(f"compared with {compared_with}")
    if now.unread:
        st.caption(f"{format_number(now.unread)} of them came from sources that the space did not read then.")
        draw_link("check-configuration", label="The checks say how to connect them", icon=":material/fact_check:")
    st.caption("Destinations: nothing forwards events from this workspace yet. Profiles are what the log feeds.")


def _open(delivery: Delivery) -> int:
    return delivery.waiting + delivery.unread
