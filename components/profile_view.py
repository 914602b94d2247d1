"""One profile: identifiers, traits with their origin, merges, events."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from components.format import format_time
from core.profiles.lookup import Profile, list_profile_events
from core.workspaces.workspace import Workspace

EVENT_PAGE = 50


def draw_profile(workspace: Workspace, profile: Profile) -> None:
    """Draw the whole page of one person."""
    st.subheader(profile.title, anchor=False)
    st.caption(
        f"`{profile.id}` · since {format_time(profile.created_at)} · last heard {format_time(profile.updated_at)}"
    )
    traits, identifiers, events, merges = st.tabs(
        [
            f"Traits ({len(profile.traits)})",
            f"Identifiers ({len(profile.identifiers)})",
            "Events",
            f"Merges ({len(profile.merges)})",
        ]
    )
    with traits:
        _draw_traits(profile)
    with identifiers:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "identifier": item.type,
                        "value": item.value,
                        "first seen": format_time(item.first_seen_at),
                        "last seen": format_time(item.last_seen_at),
                        "source": item.source,
                    }
                    for item in profile.identifiers
                ]
            ),
            hide_index=True,
        )
    with events:
        _draw_events(workspace, profile)
    with merges:
        if not profile.merges:
            st.info("This profile has never been merged with another.", icon=":material/call_merge:")
        for merge in profile.merges:
            with st.container(border=True):
                st.markdown(merge.sentence)
                st.caption(format_time(merge.at))


def _draw_traits(profile: Profile) -> None:
    if not profile.traits:
        st.info("No traits yet.", icon=":material/label:")
        return
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "trait": trait.key,
                    "value": trait.value
                    if isinstance(trait.value, str)
                    else json.dumps(trait.value, ensure_ascii=False),
                    "kind": "computed" if trait.origin.computed_trait else "custom",
                    "from": trait.origin.sentence,
                    "updated": format_time(trait.updated_at),
                }
                for trait in profile.traits
            ]
        ),
        hide_index=True,
    )


def _show(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _draw_events(workspace: Workspace, profile: Profile) -> None:
    found = list_profile_events(workspace, profile.space_id, profile.id, limit=EVENT_PAGE)
    if not found:
        st.info("No events yet.", icon=":material/timeline:")
        return
    for event in found:
        with st.expander(f"{event.name or event.type} · {format_time(event.received_at)}"):
            st.json(json.loads(event.body), expanded=2)
    if len(found) == EVENT_PAGE:
        st.caption(f"The newest {EVENT_PAGE}; the event debugger searches all of them.")
