"""One person's timeline: what happened and what became known, day by day, newest first."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

import streamlit as st

from components.address import draw_older_newer, draw_select, read_number
from components.empty_state import draw_empty_state
from components.format import shorten
from components.navigation import draw_link
from components.plain_text import draw_strong, escape_markdown
from components.state import viewer_zone
from core.profiles.profile import Profile
from core.profiles.timeline import TimelineEntry, TimelineKind, list_timeline
from core.sources.store import list_sources
from core.workspaces.workspace import Workspace

PAGE_ENTRIES = 25
VALUE_CHARS = 40
_LABELS: Mapping[str, str] = {
    TimelineKind.ALL: "Everything",
    TimelineKind.EVENTS: "What they did",
    TimelineKind.TRAITS: "What became known",
    TimelineKind.ACCOUNTS: "Accounts",
}
_ICONS: Mapping[str, str] = {
    "identify": ":material/label:",
    "track": ":material/bolt:",
    "page": ":material/web:",
    "screen": ":material/smartphone:",
    "group": ":material/groups:",
    "alias": ":material/link:",
}


def draw_timeline(workspace: Workspace, profile: Profile) -> None:
    """Draw a page of the timeline with its filter; each entry leads to its message."""
    kind = draw_select(
        "Show",
        list(_LABELS),
        name="kind",
        describe=lambda each: _LABELS[each],
        width=240,
        resets=("before",),
    )
    found = list_timeline(
        workspace,
        profile.space_id,
        profile.id,
        TimelineKind(kind or TimelineKind.ALL),
        limit=PAGE_ENTRIES + 1,
        before=read_number("before"),
    )
    shown = found[:PAGE_ENTRIES]
    if not shown:
        draw_empty_state(":material/timeline:", "Nothing here", "There is no such message of this person.")
    names = {source.id: source.name for source in list_sources(workspace)}
    for day, entries in groupby(shown, key=lambda entry: format_day(entry.at, workspace.now())):
        st.caption(f"**{day}**")
        for entry in entries:
            _draw_entry(entry, names)
    draw_older_newer("before", oldest=shown[-1].offset if shown else 0, has_older=len(found) > PAGE_ENTRIES)


def format_day(at: datetime, now: datetime) -> str:
    """Return the day of a moment in the person's time zone: Today, Yesterday, or its date."""
    zone = viewer_zone()
    local, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    days = (today - local).days
    return {0: "Today", 1: "Yesterday"}.get(days, f"{local:%A}, {local.day} {local:%B %Y}")


def format_details(entry: TimelineEntry) -> str:
    """Return what a message carried on one line."""
    parts = [f"{key}: {shorten(value, VALUE_CHARS)}" for key, value in entry.details]
    more = entry.detail_count - len(entry.details)
    return " · ".join([*parts, *([f"{more} more"] if more else [])])


def draw_lines(entries: Sequence[TimelineEntry]) -> None:
    """Draw entries as plain lines, for a sheet of paper."""
    zone = viewer_zone()
    rows = "".join(
        f"<li><span>{entry.at.astimezone(zone):%d %b %Y, %H:%M}</span><b>{html.escape(entry.title)}</b> "
        f"{html.escape(format_details(entry))}</li>"
        for entry in entries
    )
    st.html(f'<ol class="onramp-lines">{rows}</ol>')


def _draw_entry(entry: TimelineEntry, names: Mapping[str, str]) -> None:
    local = entry.at.astimezone(viewer_zone())
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(_ICONS.get(entry.type, ":material/mail:"), width="content")
        with st.container(width="stretch", gap=None):
            draw_strong(entry.title)
            if entry.details:
                st.text(format_details(entry))  # plain: Markdown would make links of e-mail addresses
            st.caption(f"{local:%H:%M} · {escape_markdown(names.get(entry.source_id, entry.source_id))}")
        number = str(entry.offset)
        draw_link("event-debugger", label=f"#{number}", icon=":material/bug_report:", query={"message": number})
