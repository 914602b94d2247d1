"""What became of an accepted event: its profile in each space and why, and what else the log feeds."""

from __future__ import annotations

import streamlit as st

from components.format import format_count
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.violation_list import MEANINGS
from core.events.event_log import StoredEvent
from core.profiles.placement import Fate, Placement, find_placements
from core.sources.store import Source
from core.workspaces.workspace import Workspace


def draw_placements(workspace: Workspace, event: StoredEvent, source: Source | None) -> None:
    """Draw what each space made of the event, and where else it goes."""
    placements = find_placements(workspace, event)
    if not placements:
        st.markdown(":material/person_off: **No profile**: the workspace has no profile space yet.")
    for placement in placements:
        with st.container(border=True):
            st.caption(f"Profiles · {escape_markdown(placement.space.name)}")
            _draw_fate(placement, source)
            _draw_violations(placement)
    with st.container(border=True):
        st.caption("Destinations")
        st.markdown(
            "**Not forwarded.** Nothing forwards events from this workspace yet. The event log feeds the profiles,"
            " computed traits, and this search."
        )


def _draw_fate(placement: Placement, source: Source | None) -> None:
    name = escape_markdown(source.name) if source else "its source"
    if placement.fate is Fate.REACHED:
        _draw_reached(placement)
    elif placement.fate is Fate.DROPPED:
        st.markdown(":material/gpp_maybe: **Reached no profile**: a rule kept it out.")
    elif placement.fate is Fate.FILTERED:
        named = escape_markdown(placement.filter_name or "")
        st.markdown(f":material/filter_alt: **Reached no profile**: the event filter **{named}** dropped it.")
        draw_link("spaces", label="The filters of the space", icon=":material/filter_alt:")
    elif placement.fate is Fate.NOT_READ:
        st.markdown(f":material/link_off: **Not read**: the space does not read {name}, or did not when this came.")
        draw_link("spaces", label="The sources of the space", icon=":material/deployed_code:")
    elif placement.fate is Fate.NO_IDENTIFIERS_CHOSEN:
        st.markdown(":material/hourglass_empty: **Waits**: no identifier is chosen yet, so nobody can be told apart.")
        draw_link("identifiers-and-traits", label="Choose identifiers", icon=":material/fingerprint:")
    elif placement.fate is Fate.WAITING:
        st.markdown(":material/hourglass_empty: **Not yet built**: profiles follow within seconds while a worker runs.")
    else:
        st.markdown(
            f":material/history: **Passed by**: when profiles were built, the space did not read {name}. They are"
            " built again when it is connected."
        )


def _draw_reached(placement: Placement) -> None:
    did = "made this profile" if placement.is_first else "belongs to this profile"
    carried = " and ".join(f"`{identifier}`" for identifier in placement.identifiers)
    st.markdown(f":material/person: **It {did}**{f', because it carries {carried}' if carried else ''}.")
    for merge in placement.merges:
        st.text(merge.sentence)  # plain: Markdown would make links of e-mail addresses
    if placement.merges:
        st.caption(f"It tied {format_count(len(placement.merges) + 1, 'profile')} together.")
    if placement.profile_id:
        draw_link(
            "profile-explorer", label="Its profile", icon=":material/person_search:", query={"id": placement.profile_id}
        )


def _draw_violations(placement: Placement) -> None:
    for violation in placement.violations:
        st.text(violation.sentence)
        st.caption(MEANINGS.get(violation.rule, ""))
    if placement.violations:
        rule = placement.violations[0].rule
        draw_link("identity-violations", label="All violations of this rule", query={"rule": rule})
