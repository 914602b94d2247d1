"""What an undo, or the undo of an undo, does to profiles: those that change, as they are and as they will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection

from core.identity.rule import Identifier
from core.profiles.family import Family
from core.profiles.merge_history import find_survivors
from core.profiles.profile import ProfileMerge, choose_title
from core.profiles.replay import Replayed
from core.storage.bulk import select_in
from core.storage.tables import identifiers, profile_messages, profiles


class Act(StrEnum):
    """What is done to two profiles."""

    UNDO = "undo"  # their merge is undone, and they are kept apart from now on
    REJOIN = "rejoin"  # they are no longer kept apart


@dataclass(frozen=True, slots=True)
class PlannedProfile:
    """One profile before or after: its identifiers, its traits by key, and how many messages are its own."""

    id: str
    identifiers: tuple[Identifier, ...]
    traits: Mapping[str, object]
    messages: int

    @property
    def title(self) -> str:
        """What to call the person."""
        return choose_title(self.id, dict(self.traits), self.identifiers)


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What changes. `messages` are applied again; `lost` are identifiers that no profile will have any more."""

    act: Act
    merge: ProfileMerge
    messages: int
    before: tuple[PlannedProfile, ...]
    after: tuple[PlannedProfile, ...]
    lost: tuple[Identifier, ...]


def make_plan(
    act: Act, merge: ProfileMerge, messages: int, before: Mapping[str, PlannedProfile], replayed: Replayed
) -> SplitPlan:
    """Compare the profiles of a family before and after."""
    after = read_replayed(replayed)
    changed = sorted(
        profile_id for profile_id in before.keys() | after.keys() if before.get(profile_id) != after.get(profile_id)
    )
    lost = set(_list_all(before.values())) - set(_list_all(after.values()))
    return SplitPlan(
        act,
        merge,
        messages,
        tuple(before[profile_id] for profile_id in changed if profile_id in before),
        tuple(after[profile_id] for profile_id in changed if profile_id in after),
        tuple(sorted(lost)),
    )


def read_stored(connection: Connection, space_id: str, family: Family) -> dict[str, PlannedProfile]:
    """Return the live profiles of a family as the store has them."""
    fixed = {"space_id": space_id}
    owned: dict[str, list[Identifier]] = {}
    columns = (identifiers.c.profile_id, identifiers.c.type, identifiers.c.value)
    for profile_id, type_, value in select_in(connection, columns, fixed, "profile_id", family.live_ids):
        owned.setdefault(profile_id, []).append(Identifier(type_, value))
    rows = select_in(connection, (profile_messages.c.profile_id,), fixed, "profile_id", family.profile_ids)
    resolved = Counter(row.profile_id for row in rows)
    survivors = find_survivors(connection, space_id, set(resolved))
    counts: Counter[str] = Counter()
    for profile_id, number in resolved.items():
        counts[survivors[profile_id]] += number
    found = {}
    for profile_id, text in select_in(connection, (profiles.c.id, profiles.c.traits), fixed, "id", family.live_ids):
        found[profile_id] = _plan(profile_id, owned.get(profile_id, ()), orjson.loads(text), counts[profile_id])
    return found


def read_replayed(replayed: Replayed) -> dict[str, PlannedProfile]:
    """Return the live profiles of a family as it was built again."""
    counts = Counter(replayed.find_survivor(str(message[2])) for message in replayed.around.messages)
    return {
        profile.id: _plan(
            profile.id,
            [Identifier(type_, value) for type_, values in profile.identifiers.items() for value in values],
            profile.traits,
            counts[profile.id],
        )
        for profile in replayed.around.profiles.values()
        if profile.merged_into is None
    }


def _plan(
    profile_id: str, owned: Collection[Identifier], traits: Mapping[str, list[object]], messages: int
) -> PlannedProfile:
    values = {key: entry[0] for key, entry in sorted(traits.items()) if entry[0] is not None}
    return PlannedProfile(profile_id, tuple(sorted(owned)), values, messages)


def _list_all(planned: Iterable[PlannedProfile]) -> Iterable[Identifier]:
    return (identifier for each in planned for identifier in each.identifiers)
