"""What an undo, or the undo of an undo, does to profiles: those that change, as they are and as they will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection

from core.identity.rule import Identifier
from core.profiles.merge_history import find_members, find_survivors
from core.profiles.profile import ProfileMerge, choose_title
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
    act: Act,
    merge: ProfileMerge,
    messages: int,
    before: Mapping[str, PlannedProfile],
    after: Mapping[str, PlannedProfile],
) -> SplitPlan:
    """Compare profiles before and after."""
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


def read_planned(connection: Connection, space_id: str, profile_ids: Collection[str]) -> dict[str, PlannedProfile]:
    """Return what these profiles have become, as `connection` sees it; those that do not exist are left out."""
    fixed = {"space_id": space_id}
    live_ids = set(find_survivors(connection, space_id, set(profile_ids)).values())
    owned: dict[str, list[Identifier]] = {}
    columns = (identifiers.c.profile_id, identifiers.c.type, identifiers.c.value)
    for profile_id, type_, value in select_in(connection, columns, fixed, "profile_id", live_ids):
        owned.setdefault(profile_id, []).append(Identifier(type_, value))
    members = find_members(connection, space_id, live_ids)
    rows = select_in(connection, (profile_messages.c.profile_id,), fixed, "profile_id", members)
    counts = Counter(members[row.profile_id] for row in rows)
    return {
        profile_id: _plan(profile_id, owned.get(profile_id, ()), orjson.loads(text), counts[profile_id])
        for profile_id, text in select_in(connection, (profiles.c.id, profiles.c.traits), fixed, "id", live_ids)
    }


def _plan(
    profile_id: str, owned: Collection[Identifier], traits: Mapping[str, list[object]], messages: int
) -> PlannedProfile:
    values = {key: entry[0] for key, entry in sorted(traits.items()) if entry[0] is not None}
    return PlannedProfile(profile_id, tuple(sorted(owned)), values, messages)


def _list_all(planned: Iterable[PlannedProfile]) -> Iterable[Identifier]:
    return (identifier for each in planned for identifier in each.identifiers)
