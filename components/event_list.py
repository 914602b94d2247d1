"""Which events the debugger lists: the newest as they come, the newest when a person paused, or an older page."""

from __future__ import annotations

import re

import streamlit as st

from components.address import MAX_DIGITS, read_number
from components.event_table import REFUSED_PREFIX
from components.format import format_count, format_time
from components.state import HELD_PLACE, LIVE_PAGE
from core.events.event_log import EventLog
from core.events.received import Page, Place, Received, Wanted, read_time, read_top, search_received

PAGE_SIZE = 100
PATIENCE_S = 1.0
"""How long a page looks before it says how far it has come."""
_PLACE = re.compile(rf"(\d{{1,{MAX_DIGITS}}})-(\d{{1,{MAX_DIGITS}}})", re.ASCII)


def read_place() -> Place | None:
    """Return the place of the older page that the address asks for; None for the newest page."""
    found = _PLACE.fullmatch(st.query_params.get("before", ""))
    return Place(int(found[1]), int(found[2])) if found else None


def read_chosen() -> str | None:
    """Return the id of the event that the address names."""
    refused, message = read_number("refused"), read_number("message")
    if refused is not None:
        return f"{REFUSED_PREFIX}{refused}"
    return None if message is None else str(message)


def hold(log: EventLog) -> None:
    """Keep the list as it is from now on; pausing and going on both call this."""
    live = LIVE_PAGE.read()
    HELD_PLACE.write(live[1] if live else read_top(log))


def read_page(log: EventLog, wanted: Wanted, *, is_live: bool) -> tuple[Page, Place]:
    """Return the events to list, one more than a page where there are older ones, and the place they lie below.

    It takes no longer than `PATIENCE_S`: a page that says how far it has `reached` is not whole. Live, it goes on from
    there the next time.
    """
    place = read_place()
    if place is None and not is_live:
        place = HELD_PLACE.read()
        if place is None:
            hold(log)
            place = HELD_PLACE.read()
    if place is not None:
        return search_received(log, wanted, before=place, limit=PAGE_SIZE + 1, within_s=PATIENCE_S), place
    return _read_newest(log, wanted)


def draw_newer(log: EventLog) -> None:
    """Say how many events have arrived since the list was held, with a way to them."""
    held, top = HELD_PLACE.read(), read_top(log)
    count = top.offset - held.offset + top.number - held.number if held else 0
    if count > 0 and st.button(
        f"Show {format_count(count, 'newer event')}", icon=":material/arrow_upward:", key="show_newer", type="tertiary"
    ):
        HELD_PLACE.write(top)
        st.rerun()


def draw_reached(log: EventLog, page: Page, *, goes_on: bool) -> None:
    """Say how far back a page that is not whole was searched.

    Args:
        log: The event log.
        page: What was found.
        goes_on: Whether the search goes on by itself.
    """
    at = read_time(log, page.reached) if page.reached else None
    if at is not None:
        further = "It goes on by itself." if goes_on else "Press Older to search further back."
        st.caption(f":material/hourglass_top: Searched back to {format_time(at)}. {further}")


def _read_newest(log: EventLog, wanted: Wanted) -> tuple[Page, Place]:
    # What was found a moment ago is kept: a search through millions for a rare word is made once, not every second.
    known, top = LIVE_PAGE.read(), read_top(log)
    if known is not None and known[0] == wanted:
        new = search_received(log, wanted, before=top, after=known[1], limit=PAGE_SIZE + 1)
        page = _cut(new.events, known[2])
    else:
        page = Page([], top)
    if page.reached is not None:
        more = search_received(log, wanted, before=page.reached, limit=PAGE_SIZE + 1, within_s=PATIENCE_S)
        page = _cut(page.events, more)
    LIVE_PAGE.write((wanted, top, page))
    return page, top


def _cut(newer: list[Received], older: Page) -> Page:
    events = [*newer, *older.events]
    return Page(events[: PAGE_SIZE + 1], None if len(events) > PAGE_SIZE else older.reached)
