"""The counts as tables: by source, by event, and why events were refused, with samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from components.choice_table import MAX_ROWS_SHOWN, ROW_HEIGHT_PX, draw_choice_table
from components.format import NONE, format_change, format_moment
from components.navigation import draw_link
from components.plain_text import escape_markdown
from core.events.counts import Span, count_by_code, count_by_key
from core.events.event_log import EventLog
from core.events.refused import search_refused
from core.profiles.delivery import Delivery

MAX_SAMPLES = 10
MAX_EVENT_ROWS = 500
UNKNOWN = "Unknown"


def draw_sources(now: Mapping[str, Delivery], before: Mapping[str, Delivery], names: Mapping[str, str]) -> None:
    """Draw a row a source, the one with the most events first."""
    st.subheader("By source", anchor=False)
    ids = sorted(now, key=lambda source_id: (-now[source_id].received, source_id))
    deliveries = [now[source_id] for source_id in ids]
    _draw(
        {
            "Source": [names.get(source_id, source_id) or UNKNOWN for source_id in ids],
            "Received": [each.received for each in deliveries],
            "Change": [format_change(now[key].received, before.get(key, Delivery()).received) for key in ids],
            "Failed": [each.failed for each in deliveries],
            "Filtered": [each.filtered for each in deliveries],
            "To profiles": [each.reached for each in deliveries],
            "Kept out": [each.dropped for each in deliveries],
            "Not yet": [each.waiting + each.unread for each in deliveries],
        },
        "What became of the events of each source",
    )


def draw_breakdown(log: EventLog, span: Span, source_id: str | None) -> None:
    """Draw the accepted events by type, name and app version."""
    now = count_by_key(log, span, source_id, limit=MAX_EVENT_ROWS)
    before = count_by_key(log, span.before, source_id)
    st.subheader("Accepted, by event", anchor=False)
    if not now:
        st.caption("No event was accepted in this time.")
        return
    has_versions = any(key.app_version for key in now)
    _draw(
        {
            "Type": [key.type for key in now],
            "Event": [key.name or NONE for key in now],
            **({"App version": [key.app_version or NONE for key in now]} if has_versions else {}),
            "Count": list(now.values()),
            "Change": [format_change(number, before.get(key, 0)) for key, number in now.items()],
        },
        "Accepted events by type, name and app version, most frequent first",
    )
    if len(now) == MAX_EVENT_ROWS:
        st.caption(f"The {MAX_EVENT_ROWS} most frequent ones.")


def draw_discards(log: EventLog, span: Span, source_id: str | None, names: Mapping[str, str]) -> None:
    """Draw why events were refused, and up to ten samples of the chosen reason."""
    now, before = count_by_code(log, span, source_id), count_by_code(log, span.before, source_id)
    st.subheader("Refused, by reason", anchor=False)
    if not now:
        st.caption("No event was refused in this time.")
        return
    codes = list(now)
    samples = {
        code: [
            event
            for event in search_refused(log, code=code, source_id=source_id, limit=MAX_SAMPLES)
            if span.start <= event.received_at < span.end
        ]
        for code in codes
    }
    code = draw_choice_table(
        {
            "Code": codes,
            "Reason": [samples[code][0].reason if samples[code] else NONE for code in codes],
            "Count": [now[code] for code in codes],
            "Change": [format_change(now[code], before.get(code, 0)) for code in codes],
        },
        codes,
        None,
        key="discards",
        alt="Why events were refused, most frequent first",
    )
    if code not in samples:
        st.caption("Pick a reason to see samples.")
        return
    st.markdown(f"**Samples of** `{code}`")
    for event in samples[code]:
        source = names.get(event.source_id, event.source_id) or UNKNOWN
        about = f"{event.name or event.type or 'Event'} · {source} · {format_moment(event.received_at)}"
        draw_link(
            "event-debugger",
            label=escape_markdown(about),
            icon=":material/block:",
            query={"refused": str(event.number)},
        )
    query = {"show": "refused", "code": code} | ({"source": source_id} if source_id else {})
    draw_link("event-debugger", label="All of them in the event debugger", query=query)


def _draw(columns: Mapping[str, Sequence[object]], alt: str) -> None:
    frame = pd.DataFrame(columns)
    height = ROW_HEIGHT_PX * (1 + min(len(frame), MAX_ROWS_SHOWN)) + 4
    numbers = {name: st.column_config.NumberColumn(format="localized") for name in frame.select_dtypes("number")}
    st.dataframe(frame, hide_index=True, height=height, placeholder=NONE, alt=alt, column_config=numbers)
