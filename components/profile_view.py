"""One profile: its sheet, timeline, traits with the way back to their origin, identifiers, merges, violations."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components.address import draw_older_newer, draw_views, keep, read_number
from components.choice_table import draw_choice_table
from components.deleted_identifiers import draw_deleted_identifiers
from components.empty_state import draw_empty_state
from components.format import NONE, format_time
from components.identity_graph import draw_identity_graph
from components.plain_text import draw_heading
from components.profile_merges import draw_merges
from components.profile_privacy import draw_profile_privacy
from components.profile_sheet import draw_sheet, format_value
from components.profile_timeline import draw_timeline
from components.trait_history import draw_trait_history
from components.trait_origin import draw_origin
from components.violation_list import draw_violations
from core.profiles.list_deleted import list_deleted_identifiers
from core.profiles.lookup import Profile, ProfileTrait
from core.profiles.tie_tree import grow_tree
from core.profiles.violations import count_violations, list_violations
from core.workspaces.workspace import Workspace

VIOLATION_PAGE = 50
VALUE_CHARS = 200


def draw_profile(workspace: Workspace, profile: Profile) -> None:
    """Draw the whole page of one person; only the view that is looked at is read."""
    draw_heading(profile.title)
    st.caption(
        f"`{profile.id}` · since {format_time(profile.created_at)} · last heard {format_time(profile.updated_at)}"
    )
    violations = sum(count_violations(workspace, profile.space_id, profile_id=profile.id).values())
    labels = {
        "sheet": "Overview",
        "events": "Timeline",
        "traits": f"Traits ({len(profile.traits)})",
        "identifiers": f"Identifiers ({len(profile.identifiers)})",
        "merges": f"Merges ({len(profile.merges)})",
        "violations": f"Violations ({violations})",
        "privacy": "Privacy",
    }
    view = draw_views(labels, name="view", default="traits" if "trait" in st.query_params else None)
    if view == "traits":
        _draw_traits(workspace, profile)
    elif view == "identifiers":
        _draw_identifiers(workspace, profile)
    elif view == "events":
        draw_timeline(workspace, profile)
    elif view == "merges":
        draw_merges(workspace, profile)
    elif view == "violations":
        _draw_profile_violations(workspace, profile)
    elif view == "privacy":
        draw_profile_privacy(workspace, profile)
    else:
        draw_sheet(workspace, profile)


def _draw_traits(workspace: Workspace, profile: Profile) -> None:
    traits = {trait.key: trait for trait in profile.traits}
    if not traits:
        draw_empty_state(
            ":material/label:", "No traits yet", "Traits come from mappings, identify calls and computed traits."
        )
        return
    is_chosen = st.query_params.get("trait") in traits
    left, right = st.columns([3, 2], gap="medium") if is_chosen else (st.container(), st.container())
    with left:
        chosen = draw_choice_table(
            {
                "Trait": list(traits),
                "Value": [format_value(trait.value, VALUE_CHARS) for trait in profile.traits],
                **({} if is_chosen else {"From": [_name_source(trait) for trait in profile.traits]}),
                "Since": [format_time(trait.updated_at) for trait in profile.traits],
            },
            list(traits),
            st.query_params.get("trait"),
            key=f"traits_{profile.id}",
            alt="Traits of this profile",
        )
        if chosen is None:
            st.caption("Pick a trait to see why it says this.")
        keep("trait", chosen)
        if (chosen in traits) is not is_chosen:
            st.rerun()  # the table has the whole width while nothing stands beside it
    with right:
        if chosen in traits:
            draw_origin(workspace, traits[chosen])
            draw_trait_history(workspace, profile, chosen)


def _name_source(trait: ProfileTrait) -> str:
    origin = trait.origin
    if origin.computed_trait:
        return f"Computed: {origin.computed_trait}"
    return origin.sql_model or origin.source or origin.source_id or NONE


def _draw_identifiers(workspace: Workspace, profile: Profile) -> None:
    draw_identity_graph(profile, grow_tree(workspace, profile))
    found = profile.identifiers
    st.dataframe(
        pd.DataFrame(
            {
                "Identifier": [item.type for item in found],
                "Value": [item.value for item in found],
                "First sent by": [item.source for item in found],
                "In message": [f"#{item.first_offset}" for item in found],
                "First seen": [format_time(item.first_seen_at) for item in found],
                "Last seen": [format_time(item.last_seen_at) for item in found],
            }
        ),
        hide_index=True,
        alt="Identifiers of this profile, highest priority first",
    )
    st.caption("Highest priority first. A message that carries one of them belongs to this profile.")
    deleted = list_deleted_identifiers(workspace, profile.space_id, profile.id)
    if deleted:
        st.markdown("##### Deleted identifiers")
        draw_deleted_identifiers(deleted)


def _draw_profile_violations(workspace: Workspace, profile: Profile) -> None:
    found = list_violations(
        workspace, profile.space_id, profile_id=profile.id, before=read_number("before"), limit=VIOLATION_PAGE + 1
    )
    if not found:
        draw_empty_state(
            ":material/gpp_good:", "No violations", "No rule has kept a message or an identifier off this profile."
        )
    else:
        key = f"violations_{profile.id}_{found[0].log_offset}"
        draw_violations(workspace, found[:VIOLATION_PAGE], key=key, shows_profile=False)
    oldest = found[:VIOLATION_PAGE][-1].log_offset if found else 0
    draw_older_newer("before", oldest=oldest, has_older=len(found) > VIOLATION_PAGE)
