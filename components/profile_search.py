"""The search over profiles: by any identifier or trait, page by page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.address import forget, keep, read_number
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import format_count, format_number
from components.plain_text import draw_strong, escape_markdown
from components.search_keys import draw_search_keys
from core.profiles.profile import ProfileSummary
from core.profiles.search import SearchResult, search_profiles
from core.workspaces.spaces import Space
from core.workspaces.workspace import Workspace

PAGE_SIZE = 20
MAX_PAGE = 10_000


@st.fragment
@error_panel("searching the profiles")
def draw_search(workspace: Workspace, space: Space) -> None:
    """Draw the search box and a page of what it finds as one types; without text, whoever was heard of most recently.

    Enter opens the first result.
    """
    text = st.text_input(
        "Search",
        placeholder="E-mail, phone, user id, name, any trait, or type:value",
        key="profile_search",
        bind="query-params",
        type="search",
        live="50ms",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=forget,
        args=("page",),
    )
    entered = draw_search_keys("profile_search", key="search_keys")
    if entered and (first := search_profiles(workspace, space.id, entered, limit=1).people):
        keep("id", first[0].id)
        st.rerun()
    page = min(max(1, read_number("page") or 1), MAX_PAGE)
    found = search_profiles(workspace, space.id, text or "", limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    if not found.people and page == 1:
        _draw_nobody(text or "", found)
        return
    order = "Best match first" if text else "Most recently heard of first"
    st.caption(f"{order}, of {format_number(found.total)} profiles in {escape_markdown(space.name)}.")
    _draw_gaps(found)
    _draw_summaries(found.people)
    _draw_pages(page, has_more=found.has_more)


def _draw_gaps(found: SearchResult) -> None:
    if found.waiting:
        st.caption(
            f":material/hourglass_top: About {format_count(found.waiting, 'profile')} changed a moment ago and cannot"
            " be found yet, except by a whole identifier. The worker adds them to the search."
        )
    if found.is_partial:
        st.caption(
            ":material/info: So short or common a text is looked for among the newest profiles only, and at the "
            "beginning of words. Type more of it to search everybody."
        )


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


def _draw_nobody(text: str, found: SearchResult) -> None:
    _draw_gaps(found)
    if text or found.total or found.waiting:
        draw_empty_state(
            ":material/search_off:",
            "Nobody matches this search",
            "Try a part of the name, the e-mail, or the phone number. `city:berlin` searches one trait.",
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
    return search_profiles(_workspace, space_id, "", limit=1).total
