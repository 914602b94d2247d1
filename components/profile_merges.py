"""Why one person is one: the merges behind a profile with their undo, and how any two identifiers hang together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components.empty_state import draw_empty_state
from components.format import format_count, format_number, format_time
from components.merge_undo import open_split
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.undo_progress import draw_undo_job
from core.identity.rule import Identifier
from core.profiles.profile import Profile, ProfileMerge
from core.profiles.splits import Split, list_splits
from core.profiles.ties import Link, ProfileTies, read_ties
from core.profiles.undo import Act
from core.profiles.undo_jobs import UndoJob, list_undo_jobs
from core.workspaces.workspace import Workspace

MERGES_SHOWN = 50


def draw_merges(workspace: Workspace, profile: Profile) -> None:
    """Draw who is kept apart from this person, every merge with its undo, and the chain between two identifiers."""
    jobs = {(job.survivor_id, job.merged_id): job for job in list_undo_jobs(workspace, profile.space_id)}
    for rule in list_splits(workspace, profile.space_id, profile_id=profile.id):
        _draw_split(workspace, profile, rule, jobs.get((rule.merge.survivor_id, rule.merge.merged_id)))
    if profile.merges:
        _draw_list(workspace, profile, jobs)
    else:
        draw_empty_state(
            ":material/call_merge:",
            "No merge",
            "Two profiles become one when a message carries identifiers of both and no rule forbids it.",
        )
    if len(profile.identifiers) > 1:
        st.subheader("How two identifiers hang together", anchor=False)
        _draw_chain(read_ties(workspace, profile.space_id, profile.id))


def _draw_split(workspace: Workspace, profile: Profile, rule: Split, job: UndoJob | None) -> None:
    other = rule.survivor_now if rule.merged_now == profile.id else rule.merged_now
    with st.container(border=True):
        st.markdown(
            f":material/call_split: **Kept apart** from `{other}` since {format_time(rule.created_at)}, by"
            f" {escape_markdown(rule.created_by)}. No message can make the two one."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            key = f"other_{rule.merge.merged_id}_{other}"
            query = {"id": other}
            draw_link("profile-explorer", label="The other one", icon=":material/person:", query=query, key=key)
            if job is None and st.button(
                "Take the undo back", icon=":material/call_merge:", key=f"rejoin_{rule.merge.merged_id}_{other}"
            ):
                open_split(workspace, profile.space_id, Act.REJOIN, rule.merge)
        if job is not None:
            draw_undo_job(workspace, job)


def _draw_list(workspace: Workspace, profile: Profile, jobs: Mapping[tuple[str, str], UndoJob]) -> None:
    newest = profile.merges[::-1][:MERGES_SHOWN]
    more = "" if len(newest) == len(profile.merges) else f" The newest {format_number(len(newest))} are shown."
    st.caption(f"{format_count(len(profile.merges), 'merge')}, newest first. The older profile survives.{more}")
    for merge in newest:
        _draw_merge(workspace, profile, merge, jobs.get((merge.survivor_id, merge.merged_id)))


def _draw_merge(workspace: Workspace, profile: Profile, merge: ProfileMerge, job: UndoJob | None) -> None:
    with st.container(border=True):
        _draw_ties(profile, merge)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(format_time(merge.at))
            _draw_message(merge.log_offset)
            if job is None and st.button(
                "Undo this merge", icon=":material/call_split:", key=f"undo_{merge.merged_id}"
            ):
                open_split(workspace, profile.space_id, Act.UNDO, merge)
        if job is not None:
            draw_undo_job(workspace, job)


def _draw_ties(profile: Profile, merge: ProfileMerge) -> None:
    survivor = "this person" if merge.survivor_id == profile.id else f"`{merge.survivor_id}`"
    st.markdown(f"`{merge.merged_id}` became one with {survivor}, because one message carried")
    for type_, value, owner in merge.identifiers:
        known = "was on that one" if owner == merge.merged_id else "was on the older one, which stays"
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            st.text(f"{type_}  {value}", width="content")  # plain: Markdown would make links of e-mail addresses
            st.caption(known, width="content")


def _draw_chain(ties: ProfileTies) -> None:
    names = {f"{identifier.type}:{identifier.value}": identifier for identifier in ties.identifiers}
    left, right = st.columns(2)
    start = left.selectbox("From", list(names), key=f"chain_start_{ties.profile_id}")
    others = [name for name in names if name != start]
    end = right.selectbox("To", others, index=len(others) - 1, key=f"chain_end_{ties.profile_id}_{start}")
    links = ties.find_chain(names[start], names[end])
    if links is None:
        st.caption("A message that tied them is no longer in the event log.")
        return
    with st.container(border=True):
        _draw_links(names[start], links)
    if not ties.is_complete:
        st.caption("This person has more messages than were looked at; there may be a shorter chain.")


def _draw_links(start: Identifier, links: Sequence[Link]) -> None:
    st.text(f"{start.type}  {start.value}")
    for link in links:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/south: {format_time(link.tie.at)} · {escape_markdown(link.tie.sentence)}")
            _draw_message(link.tie.log_offset)
        st.text(f"{link.end.type}  {link.end.value}")


def _draw_message(log_offset: int) -> None:
    draw_link(
        "event-debugger",
        label=f"Message #{log_offset}",
        icon=":material/bug_report:",
        query={"message": str(log_offset)},
    )
