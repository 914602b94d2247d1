"""The profiles around one batch of messages: loaded with a few queries, changed in memory, written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection

from core.identity.resolve import KnownProfile, Sighting
from core.identity.rule import Identifier
from core.profiles.bulk import select_in, upsert_rows
from core.storage.tables import identifiers, merges, profile_messages, profiles, violations

MAX_SEARCH_CHARS = 8_000

TraitEntry = tuple[object, int, int, str | None]
"""Value, time in ms, log offset, id of the computed trait or None."""

IsActive = Callable[[str], bool]


@dataclass(slots=True, eq=False)
class ProfileRow(KnownProfile):
    """One profile in memory. `traits` keeps null for a value that was taken away, so that it stays away."""

    created_offset: int = 0
    updated_at: int = 0
    merged_into: str | None = None
    traits: dict[str, TraitEntry] = field(default_factory=dict)

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

    def search_text(self) -> str:
        """Return what the explorer searches: identifiers, name and trait values in lower case."""
        parts = [value for values in self.identifiers.values() for value in values]
        parts += [str(entry[0]) for entry in self.traits.values() if isinstance(entry[0], str | int | float)]
        return "\n".join(dict.fromkeys(parts)).lower().replace("\0", "")[:MAX_SEARCH_CHARS]


class Neighbourhood:
    """The working set of one batch in one space."""

    def __init__(self, space_id: str) -> None:
        self.space_id = space_id
        self.profiles: dict[str, ProfileRow] = {}
        self.owners: dict[Identifier, ProfileRow] = {}
        self.messages: list[tuple[object, ...]] = []
        self.merges: list[tuple[object, ...]] = []
        self.violations: list[tuple[object, ...]] = []
        self.created = 0
        self._changed: dict[str, ProfileRow] = {}
        self._changed_identifiers: set[Identifier] = set()

    def load(self, connection: Connection, wanted: Iterable[Identifier]) -> None:
        """Load the owners of `wanted` and everything matching needs to know of them."""
        by_type: dict[str, list[str]] = {}
        for type_, value in wanted:
            by_type.setdefault(type_, []).append(value)
        ids: set[str] = set()
        for type_, values in by_type.items():
            rows = select_in(connection, identifiers, {"space_id": self.space_id, "type": type_}, "value", values)
            ids.update(row.profile_id for row in rows)
        self.load_profiles(connection, ids)

    def load_profiles(self, connection: Connection, ids: set[str]) -> None:
        """Load profiles by id, with their identifiers."""
        fixed = {"space_id": self.space_id}
        for row in select_in(connection, profiles, fixed, "id", ids):
            self.profiles[row.id] = ProfileRow(
                id=row.id,
                created_at=row.created_at,
                merge_count=row.merge_count,
                created_offset=row.created_offset,
                updated_at=row.updated_at,
                merged_into=row.merged_into,
                traits={key: tuple(entry) for key, entry in orjson.loads(row.traits).items()},
            )
        by_profile = "ix_identifiers_space_id_profile_id"
        for row in select_in(connection, identifiers, fixed, "profile_id", ids, index=by_profile):
            owner = self.profiles[row.profile_id]
            sighting = Sighting(row.first_seen_at, row.last_seen_at, row.first_offset, row.source_id)
            owner.identifiers.setdefault(row.type, {})[row.value] = sighting
            self.owners[Identifier(row.type, row.value)] = owner

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
        elif at_ms > sighting.last_seen_at:
            sighting.last_seen_at = at_ms
        elif at_ms < sighting.first_seen_at:
            sighting.first_seen_at = at_ms
        else:
            return
        self._changed_identifiers.add(identifier)

    def merge(self, survivor: ProfileRow, merged: ProfileRow, is_active: IsActive) -> None:
        """Give everything of `merged` to `survivor`; the row of `merged` stays, pointing to where it went."""
        for type_, values in merged.identifiers.items():
            survivor.identifiers.setdefault(type_, {}).update(values)
            for value in values:
                identifier = Identifier(type_, value)
                self.owners[identifier] = survivor
                self._changed_identifiers.add(identifier)
        for key, entry in merged.traits.items():
            survivor.put_trait(key, entry, is_active)
        survivor.merge_count += merged.merge_count + 1
        survivor.updated_at = max(survivor.updated_at, merged.updated_at)
        merged.merged_into, merged.identifiers, merged.traits = survivor.id, {}, {}
        self.touch(survivor)
        self.touch(merged)

    def write(self, connection: Connection) -> None:
        """Write what changed, in the caller's transaction."""
        space = self.space_id
        upsert_rows(connection, profiles, [_to_row(space, profile) for profile in self._changed.values()])
        upsert_rows(connection, identifiers, list(self._identifier_rows()))
        upsert_rows(connection, profile_messages, self.messages)
        upsert_rows(connection, merges, self.merges)
        upsert_rows(connection, violations, self.violations)

    def _identifier_rows(self) -> Iterable[tuple[object, ...]]:
        for identifier in self._changed_identifiers:
            owner = self.owners[identifier]  # not the one that saw it: it may have been merged away since
            seen = owner.identifiers[identifier.type][identifier.value]
            times = (seen.first_seen_at, seen.last_seen_at, seen.first_offset)
            yield (self.space_id, identifier.type, identifier.value, owner.id, *times, seen.source_id)


def _to_row(space_id: str, profile: ProfileRow) -> tuple[object, ...]:
    traits = orjson.dumps(profile.traits).decode()
    head = (space_id, profile.id, profile.created_at, profile.created_offset, profile.updated_at, profile.merged_into)
    return (*head, profile.merge_count, traits, profile.search_text())
