"""How one person's identifiers came together, as a tree for a picture: each hangs on what the first message tied it to.

An identifier whose messages are no longer in the log starts a tree of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.identity.rule import Identifier
from core.profiles.profile import Profile, ProfileIdentifier
from core.profiles.ties import Tie, read_ties
from core.workspaces.workspace import Workspace

MAX_SHOWN = 40

_Edges = dict[Identifier, list[tuple[Identifier, Tie]]]


@dataclass(frozen=True, slots=True)
class TiedIdentifier:
    """One identifier of the picture.

    Attributes:
        identifier: The identifier.
        parent: The place of the identifier that it hangs on; None for the first of its tree.
        depth: How many ties lie between it and the first.
        tie: The message that tied it, or that brought the first one; None where it is no longer in the log.
        is_merge: Whether that message made two profiles one.
    """

    identifier: ProfileIdentifier
    parent: int | None
    depth: int
    tie: Tie | None
    is_merge: bool


@dataclass(frozen=True, slots=True)
class TieTree:
    """The picture: identifiers, each after the one it hangs on; and how many of each type were left out."""

    shown: tuple[TiedIdentifier, ...]
    left_out: Mapping[str, int]


def grow_tree(workspace: Workspace, profile: Profile) -> TieTree:
    """Return how the identifiers of `profile` hang together; of very many, the earliest of each type in turn.

    Complexity: reads the messages that brought an identifier first, and those that merged profiles.
    """
    known = {Identifier(each.type, each.value): each for each in _choose(profile)}
    if not known:
        return TieTree((), {})
    ties = read_ties(workspace, profile.space_id, profile.id, max_messages=0).ties
    merges = {merge.log_offset for merge in profile.merges}
    shown = tuple(_walk(known, _choose_edges(known, ties), {tie.log_offset: tie for tie in ties}, merges))
    left_out = Counter(each.type for each in profile.identifiers)
    left_out.subtract(each.identifier.type for each in shown)
    return TieTree(shown, {type_: count for type_, count in left_out.items() if count > 0})


def _choose(profile: Profile) -> Sequence[ProfileIdentifier]:
    by_type: dict[str, list[ProfileIdentifier]] = {}
    for each in profile.identifiers:
        by_type.setdefault(each.type, []).append(each)
    ranked = [(place, number, each) for number, its in enumerate(by_type.values()) for place, each in enumerate(its)]
    return [each for _, _, each in sorted(ranked, key=lambda item: item[:2])[:MAX_SHOWN]]


def _choose_edges(known: Mapping[Identifier, ProfileIdentifier], ties: Sequence[Tie]) -> _Edges:
    """Return for each identifier what the earliest message that could tied it to; no tie closes a circle."""
    edges: _Edges = {each: [] for each in known}
    above = {each: each for each in known}

    def find(each: Identifier) -> Identifier:
        while above[each] != each:
            each = above[each]
        return each

    for tie in sorted(ties, key=lambda tie: tie.log_offset):
        carried = [each for each in tie.identifiers if each in known]
        for other in carried[1:]:
            if find(carried[0]) != find(other):
                above[find(other)] = find(carried[0])
                edges[carried[0]].append((other, tie))
                edges[other].append((carried[0], tie))
    return edges


def _walk(
    known: Mapping[Identifier, ProfileIdentifier], edges: _Edges, by_offset: Mapping[int, Tie], merges: set[int]
) -> list[TiedIdentifier]:
    shown: list[TiedIdentifier] = []
    seen: set[Identifier] = set()
    for root in sorted(known, key=lambda each: known[each].first_offset):  # where one message brought both: by priority
        stack: list[tuple[Identifier, int | None, int, Tie | None]] = []
        stack.append((root, None, 0, by_offset.get(known[root].first_offset)))
        while stack:
            identifier, parent, depth, tie = stack.pop()
            if identifier in seen:
                continue
            seen.add(identifier)
            is_merge = parent is not None and tie is not None and tie.log_offset in merges
            shown.append(TiedIdentifier(known[identifier], parent, depth, tie, is_merge))
            place = len(shown) - 1
            following = sorted(edges[identifier], key=lambda edge: edge[1].log_offset, reverse=True)
            stack += [(other, place, depth + 1, each) for other, each in following]
    return shown
