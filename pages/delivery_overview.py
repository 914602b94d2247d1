"""Delivery overview: what came, what was refused, what reached a profile, by source and time."""

from datetime import timedelta

import streamlit as st

from components.address import draw_select, draw_views
from components.delivery_chart import draw_delivery_chart
from components.delivery_steps import draw_steps
from components.delivery_tables import draw_breakdown, draw_discards, draw_sources
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import format_number
from components.space_choice import choose_space
from components.state import get_workspace
from core.events.counts import end_span, read_uncounted
from core.events.event_log import open_event_log
from core.profiles.delivery import add_up, sum_up
from core.sources.store import list_sources

PERIODS = {
    "10m": ("10 min", timedelta(minutes=10), timedelta(minutes=1)),
    "1h": ("1 hour", timedelta(hours=1), timedelta(minutes=2)),
    "24h": ("24 hours", timedelta(hours=24), timedelta(minutes=30)),
    "7d": ("7 days", timedelta(days=7), timedelta(hours=4)),
    "14d": ("14 days", timedelta(days=14), timedelta(hours=8)),
}
SHORT = timedelta(hours=1)

workspace = get_workspace()
st.title("Delivery overview", anchor=False)
st.caption("What came, what was refused, and what reached a profile. Every event that came is in one of the steps.")

with error_panel("reading the counts"):
    log = open_event_log(workspace)
    sources = {source.id: source.name for source in list_sources(workspace)}
    space = choose_space(workspace)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        period = draw_views({key: label for key, (label, _, _) in PERIODS.items()}, name="period", default="24h")
        source_id = draw_select(
            "Source",
            list(sources),
            name="source",
            describe=lambda key: sources[key],
            placeholder="All sources",
            width=220,
        )
    label, length, step = PERIODS[period]

    @st.fragment(run_every="5s" if length <= SHORT else "60s")
    def draw_overview() -> None:
        with error_panel("reading the counts"):
            span = end_span(workspace.now(), length)
            now, before = (sum_up(workspace, space and space.id, each) for each in (span, span.before))
            if source_id is not None:
                now = {key: each for key, each in now.items() if key == source_id}
                before = {key: each for key, each in before.items() if key == source_id}
            if not now:
                draw_empty_state(
                    ":material/monitoring:",
                    f"Nothing came in the last {label}",
                    "Choose a longer time, or another source. Events are counted as they are written.",
                )
            else:
                draw_steps(add_up(list(now.values())), add_up(list(before.values())), f"the {label} before")
                draw_delivery_chart(log, span, step, source_id)
                if source_id is None and len(now) > 1:
                    draw_sources(now, before, sources)
                draw_breakdown(log, span, source_id)
                draw_discards(log, span, source_id, sources)
            if uncounted := read_uncounted(log):
                st.caption(
                    f"Messages up to #{format_number(uncounted)} were stored by an earlier version and are not counted."
                )

    draw_overview()
    st.caption(
        "Events of users who asked not to be recorded leave no trace, so no step counts them. Times are those at which"
        " events were received; an event that was replayed counts again, as received."
    )
