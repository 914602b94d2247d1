"""The popup that undoes a merge, or takes that back: what would go where, then progress, then the result."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from components.error_panel import error_panel
from components.format import format_count, shorten
from components.plain_text import draw_strong
from core.errors import LimitExceeded
from core.profiles.profile import ProfileMerge
from core.profiles.undo import Act, PlannedProfile, SplitPlan, SplitProgress, plan_split, split
from core.profiles.undo_jobs import request_undo
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import Workspace

MAX_MESSAGES = 20_000
"""Of a larger family the worker builds the profiles again: it would take longer than anybody waits."""
PROFILES_SHOWN = 6
LINES_SHOWN = 8
VALUE_CHARS = 60

_TITLES = {Act.UNDO: "Undo this merge", Act.REJOIN: "Take the undo back"}
_MEANINGS = {
    Act.UNDO: "Both people are built again from their messages, as if they had never been one. From then on a rule"
    " keeps them apart, also through third profiles and rebuilds. You can take it back.",
    Act.REJOIN: "The rule goes, and the messages of both are resolved again: whatever ties them makes them one.",
}
_IN_BACKGROUND = (
    "So many messages hang together with these two that what changes is known only afterwards. It is done in the"
    " background: you can leave the page, and until the end nothing changes."
)
_DONE = {Act.UNDO: "The merge is undone.", Act.REJOIN: "The rule is gone."}

_Asked = tuple[Workspace, str, Act, str, ComputedTraitEngine]


def open_split(workspace: Workspace, space_id: str, act: Act, merge: ProfileMerge) -> None:
    """Open the popup; call it in the run in which the button was pressed."""

    @st.dialog(_TITLES[act], width="large")
    def popup() -> None:
        st.markdown(_MEANINGS[act])
        asked = (workspace, space_id, act, merge.merged_id, ComputedTraitEngine())
        with error_panel(_TITLES[act]) as look, _Bar("Looking at the messages") as bar:
            plan = _plan(asked, merge, bar)
            if plan is None:
                st.info(_IN_BACKGROUND, icon=":material/hourglass_top:")
            else:
                _draw_plan(plan)
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Cancel", key="split_cancel"):
                st.rerun()
            agreed = st.button(_TITLES[act], key="split_agree", type="primary", disabled=look.failed)
        if agreed and plan is None:
            request_undo(workspace, space_id, act, merge.survivor_id, merge.merged_id)
            st.rerun()
        elif agreed:
            with error_panel(_TITLES[act]) as attempt, _Bar("Building again") as bar:
                split(*asked, survivor_id=merge.survivor_id, progress=bar.show)
            if not attempt.failed:
                st.toast(_DONE[act], icon=":material/check:")
                st.rerun()

    popup()


def _plan(asked: _Asked, merge: ProfileMerge, bar: _Bar) -> SplitPlan | None:
    """Return what would change; None where too many people hang together to find that out while somebody waits."""
    try:
        return plan_split(*asked, survivor_id=merge.survivor_id, progress=bar.show, max_messages=MAX_MESSAGES)
    except LimitExceeded:
        return None


class _Bar:
    """A bar of progress that is there only while something takes long enough to be watched."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._place = st.empty()

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._place.empty()

    def show(self, progress: SplitProgress) -> None:
        """Show how far it has come."""
        share = progress.applied / progress.total if progress.total else 0.0
        done = progress.applied or progress.read
        self._place.progress(share, text=f"{self._label} · {format_count(done, 'message')}")


def _draw_plan(plan: SplitPlan) -> None:
    if not plan.before and not plan.after:
        st.info("No profile changes: nothing that their messages carry ties them any more.", icon=":material/info:")
    now, then = st.columns(2)
    with now:
        st.caption(f"Now · {format_count(len(plan.before), 'profile')}")
        _draw_profiles(plan.before)
    with then:
        st.caption(f"Afterwards · {format_count(len(plan.after), 'profile')}")
        _draw_profiles(plan.after)
    if plan.lost:
        names = ", ".join(f"{each.type} {each.value}" for each in plan.lost[:LINES_SHOWN])
        st.warning(
            "These go from every profile, because no identity rule reads them any more.", icon=":material/warning:"
        )
        st.text(names)
    st.caption(f"{format_count(plan.messages, 'message')} of people who share an identifier are applied again.")


def _draw_profiles(profiles: Sequence[PlannedProfile]) -> None:
    for planned in profiles[:PROFILES_SHOWN]:
        with st.container(border=True, gap="small"):
            draw_strong(planned.title)
            st.caption(f"`{planned.id}` · {format_count(planned.messages, 'message')}")
            _draw_lines([f"{each.type}  {each.value}" for each in planned.identifiers], "identifier")
            _draw_lines([f"{key}: {_format(value)}" for key, value in planned.traits.items()], "trait")
    if len(profiles) > PROFILES_SHOWN:
        st.caption(f"and {format_count(len(profiles) - PROFILES_SHOWN, 'more profile', 'more profiles')}")


def _draw_lines(lines: Sequence[str], noun: str) -> None:
    shown = [shorten(line, VALUE_CHARS) for line in lines[:LINES_SHOWN]]
    if len(lines) > LINES_SHOWN:
        shown.append(f"and {format_count(len(lines) - LINES_SHOWN, f'more {noun}')}")
    if shown:
        st.text("\n".join(shown))  # plain: Markdown would make links of e-mail addresses


def _format(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
