"""The picture of one person's identifiers: which message tied which, and the same in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.assets import read_component_file
from components.format import format_count, format_date, format_number, shorten
from components.navigation import draw_link
from core.profiles.profile import Profile
from core.profiles.tie_tree import TiedIdentifier, TieTree

_mount = st.components.v2.component(
    "onramp_identity_graph",
    html='<div class="graph"></div>\n\n',
    css=read_component_file("identity_graph.css"),
    js=read_component_file("identity_graph.js"),
)


def draw_identity_graph(profile: Profile, tree: TieTree) -> None:
    """Draw the identifiers as a tree, each on the one that a message tied it to; below it the same as sentences."""
    if not tree.shown:
        return
    nodes = [
        {
            "type": tied.identifier.type,
            "value": tied.identifier.value,
            "parent": tied.parent,
            "depth": tied.depth,
            "merge": tied.is_merge,
            "tie": _describe_tie(tied, is_short=True),
        }
        for tied in tree.shown
    ]
    label = (
        f"How {format_count(len(nodes), 'identifier')} of {profile.title} hang together; the list below says the same"
    )
    _mount(key=f"graph_{profile.id}", data={"nodes": nodes, "label": label})
    if tree.left_out:
        left_out = ", ".join(
            format_count(count, f"more {type_}", f"more {type_}") for type_, count in tree.left_out.items()
        )
        st.caption(f"Not drawn: {left_out}. The table of identifiers has them all.")
    with st.expander("The same in words", icon=":material/notes:"):
        _draw_sentences(tree)


def list_sentences(tree: TieTree) -> Sequence[str]:
    """Return a sentence for each identifier of the picture."""
    found = []
    for tied in tree.shown:
        name = f"{tied.identifier.type} {tied.identifier.value}"
        if tied.parent is None:
            found.append(f"{name} came first: {_describe_tie(tied)}.")
            continue
        other = tree.shown[tied.parent].identifier
        did = "was tied, two profiles becoming one," if tied.is_merge else "was tied"
        found.append(f"{name} {did} to {other.type} {other.value}: {_describe_tie(tied)}.")
    return found


def list_tie_groups(tree: TieTree) -> list[tuple[tuple[str, str, str], int]]:
    """Return which identifiers hang on which one, how they came to, and how many: those of one type on one together.

    What came first is first, then what made two profiles one.
    """
    groups: dict[tuple[str, int | None, bool], list[TiedIdentifier]] = {}
    for tied in tree.shown:
        groups.setdefault((tied.identifier.type, tied.parent, tied.is_merge), []).append(tied)
    found = []
    for (type_, parent, _), its in sorted(groups.items(), key=lambda item: (item[0][1] is not None, not item[0][2])):
        more = f" and {format_number(len(its) - 1)} more" if len(its) > 1 else ""
        other = None if parent is None else tree.shown[parent].identifier
        found.append(
            (
                (
                    f"{type_} {shorten(its[0].identifier.value)}{more}",
                    f"with {other.type} {shorten(other.value)}" if other else "came first",
                    _describe_tie(its[0], is_short=True),
                ),
                len(its),
            )
        )
    return found


def _draw_sentences(tree: TieTree) -> None:
    for tied, sentence in zip(tree.shown, list_sentences(tree), strict=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(sentence, width="stretch")  # plain: Markdown would make links of e-mail addresses
            if tied.tie is not None:
                number = str(tied.tie.log_offset)
                draw_link("event-debugger", label=f"#{number}", icon=":material/bug_report:", query={"message": number})


def _describe_tie(tied: TiedIdentifier, *, is_short: bool = False) -> str:
    if tied.tie is None:
        return f"message #{tied.identifier.first_offset}, which is no longer in the event log"
    merged = "merged by " if tied.is_merge else ""
    said = tied.tie.summary if is_short else tied.tie.sentence.rstrip(".")
    return f"{merged}{said}, {format_date(tied.tie.at)}"
