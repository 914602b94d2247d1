"""Decide whose every message of a whole history is, at once: what `resolve` gives one message after the other.

Where no limit can be reached, flat matching ties whatever a message has together: the people are the connected
components of the graph of identifiers, which SciPy finds in linear time. A limit counts the values of a would-be
profile, and a profile only grows; so a component that keeps every limit as a whole has never broken one on the way.
Only the messages of the other components are gone through one by one, in their order. A history of a company's
customers has a few of those, and each is small: limits are what keeps profiles small.

Source: the specification's matching algorithm ("flat matching"); D. J. Pearce, "An improved algorithm for finding the
strongly connected components of a directed graph", 2005, for what SciPy runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.identity.resolve import Caps, KnownProfile, Sighting, choose_survivor, resolve
from core.identity.rule import Identifier, IdentifierRule

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class History:
    """n messages in the order of the log, each with at least one identifier that counts; identifiers are numbers.

    Attributes:
        starts: Where the identifiers of each message begin in `identifiers`; n numbers, growing, the first is 0.
        identifiers: The identifiers of each message, highest priority first, none twice; m numbers below k.
        types: The type of each identifier, as a place in `type_names`; k numbers.
        type_names: The names of the types.
        at_ms: When each message happened; unit: ms since 1970; n numbers.
        is_alias: Whether it is an alias, which never merges; n truth values.
        id_ranks: The place of the id of the profile that each message would make among all such ids; n numbers. It
            decides between two profiles of one age.
    """

    starts: Numbers
    identifiers: Numbers
    types: NDArray[np.int16]
    type_names: Sequence[str]
    at_ms: Numbers
    is_alias: NDArray[np.bool_]
    id_ranks: Numbers

    def __len__(self) -> int:
        """Return how many messages it has."""
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class People:
    """Whose each message is in the end, and how many messages had to be gone through one by one.

    `owners` holds n numbers: for each message the message that made the profile which it belongs to.
    """

    owners: Numbers
    replayed: int


def resolve_all(
    history: History,
    rules: Mapping[str, IdentifierRule],
    *,
    caps: Caps | None = None,
    apart: Sequence[int] = (),
) -> People:
    """Return whose each message is after all of `history`.

    Args:
        history: The messages.
        rules: The space's rules by type; every type of `history` has one.
        caps: The caps on one profile.
        apart: Messages that made a profile which is kept apart from another: what they are tied to is not decided.

    Returns:
        The owners; those of components with a message of `apart` are -1, to be decided by who knows the rules.
    Complexity: O(m + k) time and memory, and that of `resolve` for the messages of components that break a limit.
    """
    limits = caps or Caps()
    links = _list_links(history)
    component_of = _find_components(history, links)
    of_message = component_of[history.identifiers[history.starts]]
    owners = _choose_survivors(history, links, of_message, int(component_of.max(initial=-1)) + 1)[of_message]
    must_replay = _find_broken(history, component_of, rules, limits)
    if len(apart):
        undecided = np.zeros_like(must_replay)
        undecided[of_message[np.asarray(apart)]] = True
        owners[undecided[of_message]] = -1
        must_replay &= ~undecided
    places = np.flatnonzero(must_replay[of_message])
    if len(places):
        owners[places] = _Replay(history, rules, limits).run(places)
    return People(owners, len(places))


@dataclass(frozen=True, slots=True)
class _Links:
    """What ties: for each link the message and the identifier; an alias has only its first one."""

    messages: Numbers
    identifiers: Numbers
    starts: Numbers


def _list_links(history: History) -> _Links:
    sizes = np.diff(history.starts, append=len(history.identifiers))
    messages = np.repeat(np.arange(len(history)), sizes)
    if not history.is_alias.any():
        return _Links(messages, history.identifiers, history.starts)
    is_first = np.zeros(len(history.identifiers), bool)
    is_first[history.starts] = True
    counts = is_first | ~history.is_alias[messages]
    sizes = np.where(history.is_alias, 1, sizes)
    return _Links(messages[counts], history.identifiers[counts], np.cumsum(sizes) - sizes)


def _find_components(history: History, links: _Links) -> Numbers:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = history.identifiers[history.starts][links.messages]
    ties = first != links.identifiers
    ends = first[ties].astype(np.int32), links.identifiers[ties].astype(np.int32)
    size = len(history.types)
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(size, size))
    found: tuple[int, NDArray[Any]] = connected_components(graph.tocsr(), directed=False)
    return found[1].astype(np.int64)


def _choose_survivors(history: History, links: _Links, of_message: Numbers, components: int) -> Numbers:
    """Return for each component the message that made the profile which the merges keep: the oldest of all."""
    first_seen = np.empty(len(history.types), np.int64)
    first_seen[links.identifiers[::-1]] = links.messages[::-1]  # the last one written is the earliest
    earliest = np.minimum.reduceat(first_seen[links.identifiers], links.starts)
    makers = np.flatnonzero(earliest == np.arange(len(history)))
    by_age = makers[np.lexsort((history.id_ranks[makers], history.at_ms[makers]))]
    survivors = np.full(components, -1, np.int64)
    survivors[of_message[by_age[::-1]]] = by_age[::-1]
    return survivors


def _find_broken(
    history: History, component_of: Numbers, rules: Mapping[str, IdentifierRule], caps: Caps
) -> NDArray[np.bool_]:
    """Return for each component whether a limit could have been reached in it."""
    sizes = np.bincount(component_of)
    broken = sizes > min(caps.identifiers, caps.merges + 1)  # as many profiles as identifiers, at most
    for place, name in enumerate(history.type_names):
        limit = rules[name].value_limit
        counts = np.bincount(component_of[history.types == place], minlength=len(sizes))
        broken |= counts > limit
    return np.asarray(broken, bool)


class _Replay:
    """Goes through messages one by one, as the builder does, with nothing but their identifiers."""

    def __init__(self, history: History, rules: Mapping[str, IdentifierRule], caps: Caps) -> None:
        self._history = history
        self._rules = rules
        self._caps = caps
        self._owners: dict[Identifier, KnownProfile] = {}
        self._made_by: dict[KnownProfile, int] = {}
        self._merged_into: dict[KnownProfile, KnownProfile] = {}

    def run(self, places: Numbers) -> Numbers:
        """Return the owner of each of these messages after the last of them."""
        ends = np.append(self._history.starts, len(self._history.identifiers))
        profiles = [self._apply(place, int(ends[place]), int(ends[place + 1])) for place in places.tolist()]
        return np.array([self._made_by[self._find_survivor(profile)] for profile in profiles], np.int64)

    def _apply(self, place: int, start: int, end: int) -> KnownProfile:
        history, at_ms = self._history, int(self._history.at_ms[place])
        identifiers = [
            Identifier(history.type_names[history.types[number]], str(number))
            for number in history.identifiers[start:end].tolist()
        ]
        is_alias = bool(history.is_alias[place])
        found = resolve(identifiers, at_ms, self._owners, self._rules, caps=self._caps, is_alias=is_alias)
        if found.profiles:
            profile = choose_survivor(found.profiles)
            for other in found.profiles:
                if other is not profile:
                    self._merge(profile, other)
        else:
            profile = KnownProfile(f"{history.id_ranks[place]:020d}", at_ms)
            self._made_by[profile] = place
        for identifier in found.identifiers:
            self._see(profile, identifier, at_ms)
        return profile

    def _see(self, profile: KnownProfile, identifier: Identifier, at_ms: int) -> None:
        values = profile.identifiers.setdefault(identifier.type, {})
        sighting = values.get(identifier.value)
        if sighting is None:
            values[identifier.value] = Sighting(at_ms, at_ms, 0, "")
            self._owners[identifier] = profile
        else:
            sighting.last_seen_at = max(sighting.last_seen_at, at_ms)

    def _merge(self, survivor: KnownProfile, merged: KnownProfile) -> None:
        for type_, values in merged.identifiers.items():
            survivor.identifiers.setdefault(type_, {}).update(values)
            self._owners.update((Identifier(type_, value), survivor) for value in values)
        survivor.merge_count += merged.merge_count + 1
        merged.identifiers = {}
        self._merged_into[merged] = survivor

    def _find_survivor(self, profile: KnownProfile) -> KnownProfile:
        while profile in self._merged_into:
            profile = self._merged_into[profile]
        return profile
