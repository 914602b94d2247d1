"""The profiles around one batch of messages: loaded with a few queries, changed in memory, written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection

from core.identity.kept_apart import KeptApart
from core.identity.resolve import KnownProfile, Sighting
from core.identity.rule import Identifier
from core.profiles.changes import note_changes
from core.profiles.splits import load_kept_apart
from core.storage.bulk import select_among, upsert_rows
from core.storage.tables import identifiers, merges, profile_accounts, profile_messages, profiles, violations

TraitEntry: TypeAlias = list[Any]
"""Value, time in ms, log offset, id of the computed trait or None; as the store's JSON has it, copied nowhere."""

# the profiles that have what is wanted, and every identifier of theirs; CROSS JOIN keeps SQLite to this order
_AROUND = """,
 ids AS MATERIALIZED (
    SELECT DISTINCT i.profile_id FROM wanted CROSS JOIN identifiers AS i
    WHERE i.space_id = ? AND i.type = wanted.name AND i.value = wanted.value
 )
 SELECT p.id, NULL, p.traits, p.merged_into, p.created_at, p.updated_at, p.created_offset, p.merge_count
 FROM ids CROSS JOIN profiles AS p WHERE p.space_id = ? AND p.id = ids.profile_id
 UNION ALL
 SELECT i.profile_id, i.type, i.value, i.source_id, i.first_seen_at, i.last_seen_at, i.first_offset, 0
 FROM ids CROSS JOIN identifiers AS i WHERE i.space_id = ? AND i.profile_id = ids.profile_id"""

_TIMES = ("first_seen_at", "last_seen_at")

IsActive = Callable[[str], bool]


@dataclass(slots=True, eq=False)
class ProfileRow(KnownProfile):
    """One profile in memory. `traits` keeps null for a value that was taken away, so that it stays away."""

    created_offset: int = 0
    updated_at: int = 0
    merged_into: str | None = None
    stored_traits: str = "{}"
    _traits: dict[str, TraitEntry] | None = None

    @property
    def traits(self) -> dict[str, TraitEntry]:
        """The traits by key; read from the stored text when they are first asked for."""
        if self._traits is None:
            self._traits = orjson.loads(self.stored_traits)
        return self._traits

    def put_traits(self, values: Mapping[str, Any], at_ms: int, log_offset: int, is_active: IsActive) -> None:
        """Set the traits of one identify message, each as `put_trait` does."""
        traits = self.traits
        for key, value in values.items():
            entry = [value, at_ms, log_offset, None]
            if key in traits:
                self.put_trait(key, entry, is_active)
            else:
                traits[key] = entry

    def put_trait(self, key: str, entry: TraitEntry, is_active: IsActive) -> None:
        """Set a trait unless a newer value is there: newest time first, then the later offset.

        The value of a computed trait gives way to nothing but its own next value.
        """
        current = self.traits.get(key)
        if current is not None:
            is_computed = entry[3] is not None and is_active(entry[3])
            if current[3] is not None and is_active(current[3]):
                if entry[3] != current[3]:
                    return
            elif not is_computed and (current[1], current[2]) > (entry[1], entry[2]):
                return
        self.traits[key] = entry

    def drop_all(self) -> None:
        """Leave nothing but the row."""
        self.identifiers, self._traits = {}, {}

    def write_traits(self) -> str:
        """Return the traits as they are stored; those that nobody asked for are as they were."""
        return self.stored_traits if self._traits is None else orjson.dumps(self._traits).decode()


class Neighbourhood:
    """The working set of one batch in one space."""

    def __init__(self, space_id: str) -> None:
        self.space_id = space_id
        self.profiles: dict[str, ProfileRow] = {}
        self.owners: dict[Identifier, ProfileRow] = {}
        self.messages: list[tuple[object, ...]] = []
        self.accounts: set[tuple[str, str, str]] = set()
        self.merges: list[tuple[object, ...]] = []
        self.violations: list[tuple[object, ...]] = []
        self.apart: KeptApart | None = None
        self.created = 0
        self._changed: dict[str, ProfileRow] = {}
        self._has_loaded = False
        self._placed: set[Identifier] = set()  # new ones, and those that went to another profile
        self._seen: set[Identifier] = set()

    def load(self, connection: Connection, wanted: Iterable[Identifier]) -> list[str]:
        """Load the owners of `wanted` that are not here yet, and everything matching needs to know of them.

        Returns the ids of the profiles that came.
        """
        by_type: dict[str, list[str]] = {}
        for identifier in wanted:
            if identifier not in self.owners:
                by_type.setdefault(identifier.type, []).append(identifier.value)
        rows: list[Any] = select_among(connection, _AROUND, by_type, [self.space_id] * 3) if by_type else []
        new = list[str]()
        for id_, type_, traits, merged_into, created_at, updated_at, created_offset, merge_count in rows:
            if type_ is None:
                new.append(id_)
                self.profiles[id_] = ProfileRow(
                    id_, created_at, merge_count, {}, created_offset, updated_at, merged_into, traits
                )
        for id_, type_, value, source_id, first_seen_at, last_seen_at, first_offset, _ in rows:
            if type_ is not None:
                owner = self.profiles[id_]
                seen = Sighting(first_seen_at, last_seen_at, first_offset, source_id)
                owner.identifiers.setdefault(type_, {})[value] = seen
                self.owners[Identifier(type_, value)] = owner
        if not self._has_loaded:
            self.apart = load_kept_apart(connection, self.space_id)
            self._has_loaded = True
        return new

    def create(self, profile_id: str, at_ms: int, log_offset: int) -> ProfileRow:
        """Make a profile."""
        profile = ProfileRow(id=profile_id, created_at=at_ms, created_offset=log_offset, updated_at=at_ms)
        self.profiles[profile_id] = profile
        self.created += 1
        return profile

    def touch(self, profile: ProfileRow) -> None:
        """Have the profile written with the batch."""
        self._changed[profile.id] = profile

    def see(self, profile: ProfileRow, identifier: Identifier, at_ms: int, log_offset: int, source_id: str) -> None:
        """Note that a message of the profile carried the identifier."""
        values = profile.identifiers.setdefault(identifier.type, {})
        sighting = values.get(identifier.value)
        if sighting is None:
            values[identifier.value] = Sighting(at_ms, at_ms, log_offset, source_id)
            self.owners[identifier] = profile
            self._placed.add(identifier)
        elif at_ms > sighting.last_seen_at:
            sighting.last_seen_at = at_ms
            self._seen.add(identifier)
        elif at_ms < sighting.first_seen_at:
            sighting.first_seen_at = at_ms
            self._seen.add(identifier)

    def merge(self, survivor: ProfileRow, merged: ProfileRow, is_active: IsActive) -> None:
        """Give everything of `merged` to `survivor`; the row of `merged` stays, pointing to where it went."""
        for type_, values in merged.identifiers.items():
            survivor.identifiers.setdefault(type_, {}).update(values)
            for value in values:
                identifier = Identifier(type_, value)
                self.owners[identifier] = survivor
                self._placed.add(identifier)
        for key, entry in merged.traits.items():
            survivor.put_trait(key, entry, is_active)
        survivor.merge_count += merged.merge_count + 1
        survivor.updated_at = max(survivor.updated_at, merged.updated_at)
        merged.merged_into = survivor.id
        if self.apart is not None:
            self.apart.merge(survivor.id, merged.id)
        merged.drop_all()
        self.touch(survivor)
        self.touch(merged)

    def write(self, connection: Connection) -> None:
        """Write what changed, in the caller's transaction."""
        space = self.space_id
        # in the order of their keys, so that neighbours in an index are written together
        upsert_rows(connection, profiles, [_to_row(space, profile) for _, profile in sorted(self._changed.items())])
        upsert_rows(connection, identifiers, self._list_rows(self._placed))
        upsert_rows(connection, identifiers, self._list_rows(self._seen - self._placed), columns=_TIMES)
        upsert_rows(connection, profile_messages, self.messages)
        upsert_rows(connection, profile_accounts, sorted(self.accounts))
        upsert_rows(connection, merges, self.merges)
        upsert_rows(connection, violations, self.violations)
        note_changes(connection, space, self._changed)

    def _list_rows(self, changed: set[Identifier]) -> list[tuple[object, ...]]:
        space, rows = self.space_id, list[tuple[object, ...]]()
        for identifier in sorted(changed):
            type_, value = identifier
            owner = self.owners[identifier]  # not the one that saw it: it may have been merged away since
            seen = owner.identifiers[type_][value]
            times = seen.first_seen_at, seen.last_seen_at, seen.first_offset
            rows.append((space, type_, value, owner.id, *times, seen.source_id))
        return rows


def _to_row(space_id: str, profile: ProfileRow) -> tuple[object, ...]:
    head = (space_id, profile.id, profile.created_at, profile.created_offset, profile.updated_at, profile.merged_into)
    return (*head, profile.merge_count, profile.write_traits())
