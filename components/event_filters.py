"""The event filters of a space: written with what they would drop beside them, removed and put back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components.confirm import confirm
from components.error_panel import error_panel
from components.format import NONE, format_count, format_number, format_time, shorten
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.state import forget_widget
from core.errors import InvalidField
from core.events.event_log import StoredEvent
from core.events.fql import MAX_QUERY_CHARS
from core.profiles.event_filters import (
    MAX_FILTERS,
    FilterState,
    FilterTrial,
    add_filter,
    list_filters,
    remove_filter,
    restore_filter,
    try_filter,
)
from core.workspaces.spaces import Space
from core.workspaces.workspace import MAX_NAME_CHARS, Workspace

SAMPLES = 5
_QUERY, _NAME = "filter_query", "filter_name"


def draw_event_filters(workspace: Workspace, space: Space) -> None:
    """Draw the filters with what each has dropped, a way to write another one, and those that were removed."""
    filters = list_filters(workspace, space.id)
    st.caption(
        "Events that meet a filter reach no profile of this space, from the moment it is added. They stay in the event"
        f" log. {format_number(len(filters))} of {MAX_FILTERS} filters are in use."
    )
    for state in filters:
        _draw_filter(workspace, space, state)
    if len(filters) < MAX_FILTERS:
        with st.expander("Add a filter", icon=":material/filter_alt:", key="add_filter_box"):
            _draw_form(workspace, space)
    removed = list_filters(workspace, space.id, is_active=False)
    if removed:
        with st.expander(f"Removed: {format_count(len(removed), 'filter')}"):
            for state in removed:
                _draw_removed(workspace, space, state)


def _draw_filter(workspace: Workspace, space: Space, state: FilterState) -> None:
    each, name = state.filter, escape_markdown(state.filter.name)
    with st.container(border=True, key=f"filter_{each.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{name}**", width="stretch")
            if st.button("Remove …", key=f"remove_{each.id}", type="tertiary"):
                confirm(
                    "Remove a filter",
                    f"Events that meet **{name}** reach profiles of **{escape_markdown(space.name)}** again, from now"
                    " on. What it has dropped stays dropped, also when profiles are built again.",
                    lambda: remove_filter(workspace, space.id, each.id),
                    confirm_label="Remove it",
                )
        if each.name != each.query:
            st.code(each.query, language=None, wrap_lines=True)
        _draw_dropped(state)


def _draw_dropped(state: FilterState) -> None:
    made = f"added {format_time(state.created_at)} by {escape_markdown(state.created_by)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Dropped {format_count(state.dropped, 'event')} · {made}")
        if state.last_offset is not None:
            query = {"message": str(state.last_offset), "as": "went"}
            draw_link("event-debugger", label="The newest", icon=":material/bug_report:", query=query)


def _draw_removed(workspace: Workspace, space: Space, state: FilterState) -> None:
    each = state.filter
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{escape_markdown(each.name)}** :gray[· dropped {format_count(state.dropped, 'event')}]", width="stretch"
        )
        if st.button("Put back", key=f"restore_{each.id}", icon=":material/undo:"):
            with error_panel("putting the filter back"):
                restore_filter(workspace, space.id, each.id)
                st.rerun()
    if each.name != each.query:
        st.code(each.query, language=None, wrap_lines=True)


@st.fragment
@error_panel("trying the filter")
def _draw_form(workspace: Workspace, space: Space) -> None:
    query = st.text_input(
        "Drop events that meet",
        placeholder="type = 'track' and event = 'Heartbeat'",
        key=_QUERY,
        max_chars=MAX_QUERY_CHARS,
        live="300ms",
        help="Segment's Filter Query Language: and, or, !, = != > >= < <= in, contains(), match(), length(), typeof(),"
        " lowercase() and others; fields as context.page.url.",
    )
    trial = None
    if query and query.strip():
        with error_panel("trying the filter"):
            try:
                trial = try_filter(workspace, space.id, query)
            except InvalidField as error:
                _draw_mistake(query, error)
    if trial is not None:
        _draw_trial(trial, space)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", placeholder="Its condition", max_chars=MAX_NAME_CHARS, key=_NAME, width=320)
        is_pressed = st.button("Add filter", icon=":material/add:", disabled=trial is None, key="filter_add")
    if is_pressed:
        with error_panel("adding the filter") as attempt:
            add_filter(workspace, space.id, query or "", name=name or "")
        if not attempt.failed:
            forget_widget(_QUERY)
            forget_widget(_NAME)
            st.rerun(scope="app")


def _draw_mistake(query: str, error: InvalidField) -> None:
    """Point to the place that cannot be read: people are still writing, so it is no alarm."""
    column = error.context.get("column")
    if isinstance(column, int):
        start = max(0, column - 40)  # so that the mark stays below its place on a narrow screen
        st.code(f"{query[start : column + 40]}\n{'^':>{column - start}}", language=None)
    st.markdown(f":material/edit: {escape_markdown(error.message)} :gray[{escape_markdown(error.hint)}]")


def _draw_trial(trial: FilterTrial, space: Space) -> None:
    tried = f"the newest {format_count(trial.tried, 'event')} that reach {escape_markdown(space.name)}"
    if not trial.tried:
        st.markdown(f"No event reaches {escape_markdown(space.name)} yet, so nothing can be tried.")
    elif not trial.matches:
        st.markdown(f":material/filter_alt: It would have dropped **none** of {tried}.")
    else:
        st.markdown(f":material/filter_alt: It would have dropped **{format_number(len(trial.matches))}** of {tried}:")
        _draw_samples(trial.matches[:SAMPLES])


def _draw_samples(events: Sequence[StoredEvent]) -> None:
    table = {
        "Received": [format_time(event.received_at) for event in events],
        "Type": [event.type for event in events],
        "Event": [shorten(event.name) if event.name else NONE for event in events],
        "User": [shorten(event.user_id) if event.user_id else NONE for event in events],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="The newest events that the filter would have dropped")
