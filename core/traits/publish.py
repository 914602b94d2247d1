"""Bring states that were not counted by the builder to the store, and their values to the profiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, update

from core.profiles.computed_values import ComputedValue, put_values, take_values
from core.storage.tables import computed_traits
from core.traits.definition import CompiledTrait
from core.traits.states import Counted, StateKey, delete_states, find_unchanged, write_counted
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

    def publish(self, counted: Sequence[Counted], **about: object) -> None:
        """Write the states with what they give, and `about` the trait itself; all or none."""
        values = [ComputedValue(each.owner, each.value, each.at_ms, each.log_offset) for each in counted]
        with self.workspace.database.transaction(may_be_lost=True) as connection:
            self._require_same(connection)
            put_values(connection, self.space_id, self.trait.key, self.trait.id, values)
            write_counted(connection, self.space_id, self.trait.id, counted)
            self._save(connection, about)

    def take_back(self, owners: Collection[str]) -> None:
        """Delete the states of these owners, and their values."""
        with self.workspace.database.transaction(may_be_lost=True) as connection:
            self._require_same(connection)
            take_values(connection, self.space_id, self.trait.key, self.trait.id, owners)
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
