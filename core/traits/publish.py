"""Bring states that were not counted by the builder to the store, and their values to the profiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, update

from core.clock import to_millis
from core.profiles.neighbourhood import Neighbourhood, ProfileRow
from core.storage.tables import computed_traits
from core.traits.definition import CompiledTrait
from core.traits.kinds import State
from core.traits.states import StateKey, delete_states, find_unchanged, write_states
from core.workspaces.workspace import Workspace


class TraitChanged(Exception):
    """The trait was edited or deleted since it was read; nothing of this part was written."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes the states of one trait for whoever holds the space; `check` fails where the lease was lost.

    Every method raises `TraitChanged` where the trait is no longer as it was read.
    """

    workspace: Workspace
    space_id: str
    trait: CompiledTrait
    check: Callable[[Connection], None]

    def publish(self, states: Mapping[str, State], **about: object) -> None:
        """Write the states by owner, with what they give now, and `about` the trait itself; all or none."""
        now_ms = to_millis(self.workspace.now())
        around = self._load(states)
        for owner, profile in around.profiles.items():
            state = states[owner]
            self._put(around, profile, self.trait.window.read(state, now_ms), state["at"], state["offset"])
        keyed = {StateKey(self.trait.id, owner): state for owner, state in states.items()}
        with self.workspace.database.transaction() as connection:
            self._require_same(connection)
            around.write(connection)
            write_states(connection, self.space_id, {self.trait.id: self.trait}, keyed, now_ms)
            self._save(connection, about)

    def take_back(self, owners: Collection[str]) -> None:
        """Delete the states of these owners, and their values."""
        around = self._load(owners)
        for profile in around.profiles.values():
            self._put(around, profile, None, *profile.traits.get(self.trait.key, (None, 0, 0))[1:3])
        with self.workspace.database.transaction() as connection:
            self._require_same(connection)
            around.write(connection)
            delete_states(connection, self.space_id, [StateKey(self.trait.id, owner) for owner in owners])

    def save(self, **about: object) -> None:
        """Write what is known about the trait itself."""
        with self.workspace.database.transaction() as connection:
            self._require_same(connection)
            self._save(connection, about)

    def _require_same(self, connection: Connection) -> None:
        self.check(connection)
        if self.trait.id not in find_unchanged(connection, [self.trait]):
            raise TraitChanged

    def _save(self, connection: Connection, about: Mapping[str, object]) -> None:
        if about:
            connection.execute(update(computed_traits).where(computed_traits.c.id == self.trait.id).values(**about))

    def _load(self, owners: Collection[str]) -> Neighbourhood:
        around = Neighbourhood(self.space_id)
        with self.workspace.database.reading() as connection:  # an account is no profile: none is found for it
            around.load_profiles(connection, set(owners))
        return around

    def _put(self, around: Neighbourhood, profile: ProfileRow, value: object, at_ms: int, log_offset: int) -> None:
        entry = profile.traits.get(self.trait.key)
        is_shown = entry is not None and entry[3] == self.trait.id and entry[0] is not None
        if value is not None or is_shown:
            is_this = self.trait.id.__eq__
            profile.put_trait(self.trait.key, [value, at_ms, log_offset, self.trait.id], is_this)
            around.touch(profile)
