"""Messages of the log as a table to pick from, with the whole message beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from components.choice_table import draw_choice_table
from components.format import NONE, format_time
from core.events.event_log import EventLog, StoredEvent


def draw_event_table(
    events: Sequence[StoredEvent], source_names: Mapping[str, str], chosen: int | None, *, key: str, log: EventLog
) -> int | None:
    """Draw the messages and the chosen one in full; return its number.

    A chosen message stays on the screen when newer ones push it off the table; it is then read from the log.

    Args:
        events: What the table holds, newest first.
        source_names: The name of each source by id.
        chosen: The number of the chosen message, None for the newest of the table.
        key: The table's session key.
        log: Where a chosen message that is not in the table is read from.
    """
    left, right = st.columns([3, 2], gap="medium")
    with left:
        picked = draw_choice_table(
            {
                "Received": [format_time(event.received_at) for event in events],
                "Type": [event.type for event in events],
                "Event": [event.name or NONE for event in events],
                "User": [event.user_id or NONE for event in events],
                "Source": [source_names.get(event.source_id, event.source_id) for event in events],
            },
            [str(event.offset) for event in events],
            None if chosen is None else str(chosen),
            key=key,
            alt="Messages, newest first",
        )
    number = None if picked is None else int(picked)
    shown = next((event for event in events if event.offset == number), None)
    if shown is None:
        shown = next(iter(log.get_many([number]) if number is not None else events), None)
    with right:
        if shown is None:
            st.info(f"Message #{number} is no longer in the event log.", icon=":material/history:")
        else:
            _draw_message(shown)
    return number


def _draw_message(event: StoredEvent) -> None:
    st.markdown(f"**{event.name or event.type}** :gray[· message #{event.offset}]")
    st.caption(f"`{event.message_id}`")
    try:
        st.json(json.loads(event.body), expanded=2)
    except ValueError:
        st.code(event.body.decode(errors="replace"), language=None, wrap_lines=True)
