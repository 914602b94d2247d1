"""Which events the debugger lists: the newest as they come, the newest when a person paused, or an older page."""

from __future__ import annotations

import re

import streamlit as st

from components.address import MAX_DIGITS, read_number
from components.event_table import REFUSED_PREFIX
from components.format import format_count
from components.state import HELD_PLACE, LIVE_PAGE
from core.events.event_log import EventLog
from core.events.received import Place, Received, Wanted, read_top, search_received

PAGE_SIZE = 100
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


def read_page(log: EventLog, wanted: Wanted, *, is_live: bool) -> tuple[list[Received], Place]:
    """Return the events to list, one more than a page where there are older ones, and the place they lie below."""
    place = read_place()
    if place is None and not is_live:
        place = HELD_PLACE.read()
        if place is None:
            hold(log)
            place = HELD_PLACE.read()
    if place is not None:
        return search_received(log, wanted, before=place, limit=PAGE_SIZE + 1), place
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


def _read_newest(log: EventLog, wanted: Wanted) -> tuple[list[Received], Place]:
    # What was found a moment ago is kept: a search through millions for a rare word is made once, not every second.
    known, top = LIVE_PAGE.read(), read_top(log)
    if known is not None and known[0] == wanted:
        new = search_received(log, wanted, before=top, after=known[1], limit=PAGE_SIZE + 1)
        found = [*new, *known[2]][: PAGE_SIZE + 1]
    else:
        found = search_received(log, wanted, before=top, limit=PAGE_SIZE + 1)
    LIVE_PAGE.write((wanted, top, found))
    return found, top
