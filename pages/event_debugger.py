"""Event Debugger: every event that came, accepted or refused, newest first, live or paused (W90)."""

import streamlit as st

from components.address import draw_older_newer, draw_select, draw_views, forget, keep
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.event_list import PAGE_SIZE, draw_newer, draw_reached, hold, read_chosen, read_page, read_place
from components.event_replay import draw_replay_report
from components.event_table import REFUSED_PREFIX, draw_event_table
from components.navigation import draw_link
from components.state import LIVE_PAGE, get_workspace
from core.events.event_log import open_event_log
from core.events.message import MessageType
from core.events.received import Admission, Wanted, find_next_place
from core.events.refused import list_codes
from core.sources.store import list_sources

EVERY = "1.5s"
SHOWN = {"all": "All", Admission.ACCEPTED: "Accepted", Admission.REFUSED: "Refused"}

workspace = get_workspace()
st.title("Event debugger", anchor=False)
st.caption("Every call as it was received, accepted or refused. The whole log is searched, not a sample of it.")

with error_panel("reading the event log"):
    log = open_event_log(workspace)
    LIVE_PAGE.clear()
    sources = {source.id: source for source in list_sources(workspace)}
    codes = list_codes(log)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            placeholder="Any text in the event",
            help="Finds events that hold every word, in any order; of the last word the beginning is enough. "
            "“ada lov” finds “Ada Lovelace”, not “Canada”. Words between double quotes stay together. "
            "Capital letters do not matter.",
            key="event_text",
            bind="query-params",
            on_change=forget,
            args=("before",),
            width=320,
        )
        admission = draw_views(SHOWN, name="show")
        is_newest = read_place() is None
        live = st.toggle(
            "Live",
            value=True,
            key="event_live",
            disabled=not is_newest,
            on_change=hold,
            args=(log,),
            help="New events appear within two seconds. Off: the list stands still, and nothing is lost meanwhile.",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = draw_select(
            "Type",
            [str(kind) for kind in MessageType],
            name="type",
            describe=str,
            placeholder="All types",
            width=140,
            resets=("before",),
        )
        source_id = draw_select(
            "Source",
            list(sources),
            name="source",
            describe=lambda key: sources[key].name,
            placeholder="All sources",
            width=200,
            resets=("before",),
        )
        user_id = st.text_input(
            "User ID",
            placeholder="Any user",
            key="user",
            bind="query-params",
            on_change=forget,
            args=("before",),
            width=140,
        )
        code = None
        if codes and admission != Admission.ACCEPTED:
            code = draw_select(
                "Error code",
                codes,
                name="code",
                describe=str,
                placeholder="All codes",
                width=200,
                resets=("before",),
            )
        draw_link("identity-violations", icon=":material/gpp_maybe:")
    draw_replay_report()
    wanted = Wanted(
        text=text or None,
        source_id=source_id,
        type=kind,
        user_id=user_id or None,
        admission=None if admission == "all" else Admission(admission),
        code=code,
    )

    def draw_nothing(*, is_searching: bool) -> None:
        """Say why the list is empty, and what to do."""
        if is_searching:
            title, text = "No event matches so far", "Older events are not searched yet."
        elif not is_newest:
            title, text = "No older event matches", "The log was searched back to its beginning."
        elif wanted != Wanted():
            title, text = "No event matches", "Search for less, or choose all types and all sources."
        else:
            title, text = "No event has arrived yet", "Events appear here as soon as a source sends or a sync runs."
        draw_empty_state(":material/manage_search:" if wanted != Wanted() else ":material/bug_report:", title, text)

    @st.fragment(run_every=None if live or not is_newest else EVERY)
    @error_panel("looking for newer events")
    def draw_what_is_newer() -> None:
        if not live and is_newest:
            draw_newer(log)

    @st.fragment(run_every=EVERY if live and is_newest else None)
    def draw_events() -> None:
        with error_panel("reading the event log"):
            page, place = read_page(log, wanted, is_live=live)
            shown, chosen = page.events[:PAGE_SIZE], read_chosen()
            last = page.reached or find_next_place(shown, place)

            def draw_below() -> None:
                draw_reached(log, page, goes_on=live and is_newest)
                has_older = len(page.events) > PAGE_SIZE or page.reached is not None
                draw_older_newer("before", oldest=f"{last.offset}-{last.number}", has_older=has_older)

            if not shown and chosen is None:
                draw_nothing(is_searching=page.reached is not None)
                draw_below()
                return
            picked = draw_event_table(workspace, shown, sources, chosen, key="events", draw_below=draw_below)
            is_refused = picked is not None and picked.startswith(REFUSED_PREFIX)
            keep("refused", picked.removeprefix(REFUSED_PREFIX) if picked and is_refused else None)
            keep("message", None if is_refused else picked)

    draw_what_is_newer()
    draw_events()
