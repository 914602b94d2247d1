"""The people a prediction places highest, each with the reasons."""

from __future__ import annotations

import streamlit as st

from components.navigation import draw_link
from components.plain_text import draw_strong
from components.prediction_reasons import describe_said, draw_reasons
from core.errors import NotFound
from core.predictions.prediction import Prediction
from core.profiles.lookup import get_profile
from core.profiles.profile import Profile, ProfileTrait
from core.workspaces.workspace import Workspace


def draw_people(workspace: Workspace, prediction: Prediction) -> None:
    """Draw who is placed highest; a person's own page shows the same for everybody."""
    st.caption(
        "Those placed highest, with the strongest reasons: ↑ raises the score, ↓ lowers it."
        " Everybody's score and reasons stand on their page in the profile explorer."
    )
    shown = 0
    for profile_id in prediction.report.get("people", []):
        try:
            profile = get_profile(workspace, prediction.space_id, profile_id)
        except NotFound:  # deleted since
            continue
        trait = next((each for each in profile.traits if each.key == prediction.key), None)
        if trait is not None:
            _draw_person(prediction, profile, trait)
            shown += 1
    if not shown:
        st.info(
            "The scores are in the event log and reach the profiles in a moment.", icon=":material/hourglass_empty:"
        )


def _draw_person(prediction: Prediction, profile: Profile, trait: ProfileTrait) -> None:
    origin = trait.origin
    with st.container(border=True, key=f"person_{profile.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            draw_strong(profile.title)
            st.badge(f"score {trait.value}", color="blue")
            st.caption(describe_said(origin, prediction.definition.currency), width="content")
        draw_reasons(origin)
        draw_link(
            "profile-explorer", label="Open the profile", query={"id": profile.id, "view": "traits", "trait": trait.key}
        )
