"""Accepted and refused events over a time, as bars."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from components.format import format_number
from components.state import viewer_zone
from core.events.counts import Span, count_by_time
from core.events.event_log import EventLog

ACCEPTED_COLOR, REFUSED_COLOR = "#6366F1", "#F59E0B"
HEIGHT_PX = 220


def draw_delivery_chart(log: EventLog, span: Span, step: timedelta, source_id: str | None) -> None:
    """Draw a bar a step."""
    rows = count_by_time(log, span, step, source_id)
    zone = viewer_zone()
    frame = pd.DataFrame(
        {
            "Time": [at.astimezone(zone).replace(tzinfo=None) for at, _, _ in rows],
            "Accepted": [accepted for _, accepted, _ in rows],
            "Refused": [refused for _, _, refused in rows],
        }
    )
    top = max(rows, key=lambda row: row[1] + row[2])
    st.bar_chart(
        frame,
        x="Time",
        y=["Accepted", "Refused"],
        x_label="",
        y_label="",
        color=[ACCEPTED_COLOR, REFUSED_COLOR],
        height=HEIGHT_PX,
        alt=f"Accepted and refused events over time; {format_number(top[1] + top[2])} at most in one bar",
    )
