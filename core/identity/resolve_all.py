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

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.identity.kept_apart import KeptApart
from core.identity.resolve import Caps, KnownProfile, Sighting, resolve
from core.identity.rule import Identifier, IdentifierRule

Numbers: TypeAlias = NDArray[np.int64]
MakeIds: TypeAlias = Callable[[Sequence[int]], Sequence[str]]
"""Gives the ids of the profiles that these messages would make; it is asked where two profiles are equally old."""


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
    """

    starts: Numbers
    identifiers: Numbers
    types: NDArray[np.int16]
    type_names: Sequence[str]
    at_ms: Numbers
    is_alias: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many messages it has."""
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class People:
    """Whose everything is in the end; a profile is named by the place of the message that made it.

    Attributes:
        owners: The profile of each message; n numbers.
        identifier_owners: The profile that has each identifier, -1 for none; k numbers.
        violations: How often each rule was broken.
        replayed: How many messages had to be gone through one by one.
    """

    owners: Numbers
    identifier_owners: Numbers
    violations: Counter[str]
    replayed: int


def resolve_all(
    history: History,
    rules: Mapping[str, IdentifierRule],
    make_ids: MakeIds,
    *,
    caps: Caps | None = None,
    apart: Sequence[tuple[int, int]] = (),
    forgotten: Sequence[tuple[int, int]] = (),
) -> People:
    """Return whose each message and identifier is after all of `history`.

    Args:
        history: The messages; at least one.
        rules: The space's rules by type; every type of `history` has one.
        make_ids: See `MakeIds`.
        caps: The caps on one profile.
        apart: Pairs of messages that made profiles which a person keeps apart.
        forgotten: Places of messages, growing, each with an identifier that nobody has from there on; no message from
            there on has it.

    Complexity: O(m + k) time and memory, and that of `resolve` for the messages of components that break a limit.
    """
    limits = caps or Caps()
    links = _list_links(history)
    component_of = _find_components(history, links)
    of_message = component_of[history.identifiers[history.starts]]
    survivors = _choose_survivors(history, links, of_message, int(component_of.max()) + 1, make_ids)
    owners = survivors[of_message]
    is_linked = np.zeros(len(history.types), bool)
    is_linked[links.identifiers] = True
    identifier_owners = np.where(is_linked, survivors[component_of], -1)
    must_replay = _find_broken(history, component_of, rules, limits)
    must_replay[of_message[np.array(apart, np.int64).ravel()]] = True
    places = np.flatnonzero(must_replay[of_message])
    replay = _Replay(
        history, rules, limits, KeptApart([(str(a), str(b)) for a, b in apart]) if apart else None, make_ids
    )
    if len(places):
        owners[places] = replay.run(places, forgotten)
        identifier_owners[must_replay[component_of]] = -1
        for number, owner in replay.list_identifiers():
            identifier_owners[number] = owner
    return People(owners, identifier_owners, replay.violations, len(places))


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


def _choose_survivors(
    history: History, links: _Links, of_message: Numbers, components: int, make_ids: MakeIds
) -> Numbers:
    """Return for each component the message that made the profile which the merges keep: the oldest of all."""
    first_seen = np.empty(len(history.types), np.int64)
    first_seen[links.identifiers[::-1]] = links.messages[::-1]  # the last one written is the earliest
    earliest = np.minimum.reduceat(first_seen[links.identifiers], links.starts)
    makers = np.flatnonzero(earliest == np.arange(len(history)))
    by_age = makers[np.argsort(history.at_ms[makers], kind="stable")]
    survivors = np.full(components, -1, np.int64)
    survivors[of_message[by_age[::-1]]] = by_age[::-1]
    oldest = makers[history.at_ms[makers] == history.at_ms[survivors[of_message[makers]]]]
    is_tied = np.bincount(of_message[oldest], minlength=components)[of_message[oldest]] > 1
    tied = oldest[is_tied].tolist()
    for _, place in sorted(zip(make_ids(tied), tied, strict=True), reverse=True) if tied else ():
        survivors[of_message[place]] = place
    return survivors


def _find_broken(
    history: History, component_of: Numbers, rules: Mapping[str, IdentifierRule], caps: Caps
) -> NDArray[np.bool_]:
    """Return for each component whether a limit could have been reached in it."""
    sizes = np.bincount(component_of)
    broken = sizes > min(caps.identifiers, caps.merges + 1)  # as many profiles as identifiers, at most
    for place, name in enumerate(history.type_names):
        counts = np.bincount(component_of[history.types == place], minlength=len(sizes))
        broken |= counts > rules[name].value_limit
    return np.asarray(broken, bool)


class _Replay:
    """Goes through messages one by one, as the builder does, with nothing but their identifiers."""

    def __init__(
        self,
        history: History,
        rules: Mapping[str, IdentifierRule],
        caps: Caps,
        apart: KeptApart | None,
        make_ids: MakeIds,
    ) -> None:
        self._history = history
        self._rules = rules
        self._caps = caps
        self._apart = apart
        self._make_ids = make_ids
        self._owners: dict[Identifier, KnownProfile] = {}
        self._merged_into: dict[KnownProfile, KnownProfile] = {}
        self.violations = Counter[str]()

    def run(self, places: Numbers, forgotten: Sequence[tuple[int, int]]) -> Numbers:
        """Return the owner of each of these messages after the last of them."""
        ends = np.append(self._history.starts, len(self._history.identifiers))
        profiles, waiting = list[KnownProfile](), deque(forgotten)
        for place in places.tolist():
            while waiting and waiting[0][0] <= place:
                self._forget(waiting.popleft()[1])
            profiles.append(self._apply(place, int(ends[place]), int(ends[place + 1])))
        return np.array([int(self._find_survivor(profile).id) for profile in profiles], np.int64)

    def list_identifiers(self) -> list[tuple[int, int]]:
        """Return the identifiers that a profile has, each with the profile."""
        return [(int(identifier.value), int(owner.id)) for identifier, owner in self._owners.items()]

    def _name(self, number: int) -> Identifier:
        return Identifier(self._history.type_names[self._history.types[number]], str(number))

    def _forget(self, number: int) -> None:
        identifier = self._name(number)
        owner = self._owners.pop(identifier, None)
        if owner is not None:
            del owner.identifiers[identifier.type][identifier.value]

    def _apply(self, place: int, start: int, end: int) -> KnownProfile:
        history, at_ms = self._history, int(self._history.at_ms[place])
        identifiers = [self._name(number) for number in history.identifiers[start:end].tolist()]
        found = resolve(
            identifiers,
            at_ms,
            self._owners,
            self._rules,
            caps=self._caps,
            apart=self._apart,
            is_alias=bool(history.is_alias[place]),
        )
        self.violations.update(str(violation.rule) for violation in found.violations)
        profile = self._choose_survivor(found.profiles) if found.profiles else KnownProfile(str(place), at_ms)
        for other in found.profiles:
            if other is not profile:
                self._merge(profile, other)
        for identifier in found.identifiers:
            self._see(profile, identifier, at_ms)
        return profile

    def _choose_survivor(self, profiles: Sequence[KnownProfile]) -> KnownProfile:
        created_at = min(profile.created_at for profile in profiles)
        oldest = [profile for profile in profiles if profile.created_at == created_at]
        if len(oldest) == 1:
            return oldest[0]
        ids = self._make_ids([int(profile.id) for profile in oldest])
        return min(zip(ids, oldest, strict=True), key=lambda each: each[0])[1]

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
        if self._apart is not None:
            self._apart.merge(survivor.id, merged.id)

    def _find_survivor(self, profile: KnownProfile) -> KnownProfile:
        while profile in self._merged_into:
            profile = self._merged_into[profile]
        return profile
