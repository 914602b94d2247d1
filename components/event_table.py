"""Events of the log as a table to pick from, refused ones among them, with the whole event beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from components.choice_table import draw_choice_table
from components.event_detail import draw_event
from components.format import NONE, format_moment
from core.errors import NotFound
from core.events.event_log import StoredEvent, open_event_log
from core.events.received import Received
from core.events.refused import RefusedEvent, get_refused
from core.sources.store import Source
from core.workspaces.workspace import Workspace

REFUSED_PREFIX = "refused-"
"""Begins the id of a refused event in the table; that of an accepted one is its number."""


def draw_event_table(
    workspace: Workspace,
    events: Sequence[Received],
    sources: Mapping[str, Source],
    chosen: str | None,
    *,
    key: str,
    draw_below: Callable[[], None] | None = None,
) -> str | None:
    """Draw the events and the chosen one in full; return its id.

    A chosen event stays on the screen when newer ones push it off the table; it is then read from the log.

    Args:
        workspace: Whose events.
        events: What the table holds, newest first.
        sources: The sources by id.
        chosen: The id of the chosen event, None for the newest of the table.
        key: The table's session key.
        draw_below: Draws what belongs below the table, such as a way to older events.
    """
    names = {"": "Unknown", **{source_id: source.name for source_id, source in sources.items()}}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        picked = draw_choice_table(
            {
                "Received": [format_moment(event.received_at) for event in events],
                **_make_state_column(events),
                "Type": [event.type or NONE for event in events],
                "Event": [event.name or NONE for event in events],
                "User": [event.user_id or NONE for event in events],
                "Source": [names.get(event.source_id, event.source_id) for event in events],
            },
            [get_event_id(event) for event in events],
            chosen,
            key=key,
            alt="Events, newest first",
        )
        if draw_below is not None:
            draw_below()
    with right:
        shown = next((event for event in events if get_event_id(event) == picked), None)
        if shown is None:
            shown = _find(workspace, picked) if picked is not None else next(iter(events), None)
        if shown is None:
            st.info(f"{_describe(picked)} is no longer in the event log.", icon=":material/history:")
        else:
            draw_event(workspace, shown, sources)
    return picked


def get_event_id(event: Received) -> str:
    """Return the event's id in a table and in an address."""
    return f"{REFUSED_PREFIX}{event.number}" if isinstance(event, RefusedEvent) else str(event.offset)


def _make_state_column(events: Sequence[Received]) -> dict[str, list[str]]:
    if not any(isinstance(event, RefusedEvent) for event in events):
        return {}
    return {"State": [_describe_state(event) for event in events]}


def _describe_state(event: Received) -> str:
    if isinstance(event, StoredEvent):
        return "Accepted"
    return f"⊘ {event.code}" if event.replayed_as is None else f"↻ {event.code}"


def _find(workspace: Workspace, event_id: str | None) -> Received | None:
    log, number = open_event_log(workspace), str(event_id).removeprefix(REFUSED_PREFIX)
    if number != event_id:
        try:
            return get_refused(log, int(number))
        except NotFound:
            return None
    return next(iter(log.get_many([int(number)])), None)


def _describe(event_id: str | None) -> str:
    number = str(event_id).removeprefix(REFUSED_PREFIX)
    return f"Message #{number}" if number == event_id else f"Refused event {number}"
