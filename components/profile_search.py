"""The search over profiles: by any identifier or trait, page by page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.address import forget, keep, read_number
from components.empty_state import draw_empty_state
from components.format import format_number
from components.plain_text import draw_strong, escape_markdown
from core.profiles.lookup import ProfileSummary, count_profiles, search_profiles
from core.workspaces.spaces import Space
from core.workspaces.workspace import Workspace

PAGE_SIZE = 20
MAX_PAGE = 10_000


def draw_search(workspace: Workspace, space: Space) -> None:
    """Draw the search box and a page of what it finds; without text, the people heard of most recently."""
    text = st.text_input(
        "Search",
        placeholder="E-mail, phone, user id, name, any trait, or type:value",
        key="profile_search",
        bind="query-params",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=forget,
        args=("page",),
    )
    page = min(max(1, read_number("page") or 1), MAX_PAGE)
    found = search_profiles(workspace, space.id, text or "", limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
    total = count_people(workspace, space.id)
    if not found and page == 1:
        _draw_nobody(text or "", total)
        return
    order = "best match first" if text else "most recently heard of first"
    st.caption(f"{format_number(total)} profiles in {escape_markdown(space.name)}, {order}.")
    _draw_summaries(found[:PAGE_SIZE])
    _draw_pages(page, has_more=len(found) > PAGE_SIZE)


def _draw_summaries(found: Sequence[ProfileSummary]) -> None:
    for summary in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False):
            with st.container(width="stretch", gap=None):
                draw_strong(summary.title)
                if summary.subtitle:
                    st.text(summary.subtitle)  # plain: Markdown would make links of e-mail addresses
            if st.button("Open", key=f"open_{summary.id}", icon=":material/chevron_right:"):
                keep("id", summary.id)
                st.rerun()


def _draw_nobody(text: str, total: int) -> None:
    if text or total:
        draw_empty_state(
            ":material/search_off:",
            "Nobody matches this search",
            "Try a part of the name, the e-mail, or the phone number without spaces. `city:berlin` searches one trait.",
        )
        return
    draw_empty_state(
        ":material/person_search:",
        "No profiles yet",
        "They appear here after the first sync, or as soon as events arrive.",
    )


def _draw_pages(page: int, *, has_more: bool) -> None:
    if page == 1 and not has_more:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=page == 1, key="page_back"):
            _turn_to(page - 1)
        st.caption(f"Page {page}", width="content")
        if st.button("Next", icon=":material/chevron_right:", disabled=not has_more, key="page_next"):
            _turn_to(page + 1)


def _turn_to(page: int) -> None:
    keep("page", page)
    st.rerun()


def count_people(workspace: Workspace, space_id: str) -> int:
    """Return how many people there are; a figure of orientation, so ten seconds old is young enough."""
    return _count(workspace, str(workspace.home.root), space_id)


@st.cache_data(ttl=10, show_spinner=False)
def _count(_workspace: Workspace, home: str, space_id: str) -> int:
    return count_profiles(_workspace, space_id)
