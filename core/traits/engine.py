"""The trait engine: counts messages into the states of computed traits, for the profile builder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Executable, bindparam, select

from core.clock import from_millis, to_millis
from core.events.event_log import EventLog
from core.events.message import Message, MessageType
from core.profiles.trait_engine import TraitUpdate
from core.storage.bulk import read_document
from core.storage.prepared import Prepared, as_json
from core.storage.tables import computed_traits
from core.traits.computed_trait import ComputedTrait, Scope
from core.traits.definition import COUNTED_TYPES, CompiledTrait, compile_trait, is_counted_at, read_properties
from core.traits.history import compute_history
from core.traits.kinds import State
from core.traits.states import (
    StateKey,
    delete_states,
    merge_into,
    note_computed,
    observe_into,
    read_states,
    write_states,
)
from core.workspaces.workspace import Workspace

# without what changes while it is counted
_DEFINITION = tuple(column for column in computed_traits.c if column.name not in ("computed_to", "progress"))


class _Definitions(NamedTuple):
    """The traits that exist, and those of them that are counted, by id."""

    active: frozenset[str]
    counted: tuple[CompiledTrait, ...]


class ComputedTraitEngine:
    """The engine that the builder is given."""

    def open_batch(self, connection: Connection, space_id: str, now: datetime) -> ComputedTraitBatch:
        """Read the space's definitions; states are loaded later."""
        definitions, computed_to = _TRAITS.execute(connection, space_id=space_id).fetchone()
        return ComputedTraitBatch(space_id, _compile_all(definitions), dict(orjson.loads(computed_to)), now)

    def compute_history(
        self, workspace: Workspace, space_id: str, log: EventLog, check_lease: Callable[[Connection], None]
    ) -> None:
        """Bring every computed trait of the space to the builder's offset."""
        compute_history(workspace, space_id, log, check_lease)


class ComputedTraitBatch:
    """The states of the traits of one space during one batch. Implements `core.profiles.trait_engine.TraitBatch`.

    A trait that is disabled or cannot be computed is not counted; its values stay, and are nobody's to overwrite.
    """

    def __init__(
        self, space_id: str, traits: _Definitions, computed_to: Mapping[str, int | None], now: datetime
    ) -> None:
        self._space_id = space_id
        self._now_ms = to_millis(now)
        self._active = traits.active
        self._computed_to = computed_to
        self._traits: dict[str, CompiledTrait] = {}
        self._by_event: dict[tuple[str, str | None], list[CompiledTrait]] = {}
        self._states: dict[StateKey, State] = {}
        self._with_value: set[StateKey] = set()
        self._changed: set[StateKey] = set()
        self._dropped: set[StateKey] = set()
        self._use(traits.counted)

    def find_behind(self, log_offset: int) -> Mapping[str, int]:
        """Return the traits whose history is not computed up to `log_offset`, each with the offset it is at."""
        offsets = ((trait_id, self._computed_to[trait_id]) for trait_id in self._traits)
        return {trait_id: to or 0 for trait_id, to in offsets if to is None or to < log_offset}

    def leave_out(self, trait_ids: Collection[str]) -> None:
        """Look at every trait but these."""
        self._use([trait for trait in self._traits.values() if trait.id not in trait_ids])

    def is_active(self, trait_id: str) -> bool:
        """Say whether this trait still exists."""
        return trait_id in self._active

    def load(self, connection: Connection, profile_ids: Collection[str]) -> None:
        """Load the states of these profiles."""
        of_people = [trait.id for trait in self._traits.values() if trait.scope is Scope.USER]
        for key, (state, has_value) in read_states(connection, self._space_id, of_people, profile_ids).items():
            self._states[key] = state
            if has_value:
                self._with_value.add(key)

    def observe(self, profile_id: str, message: Message, at_ms: int, log_offset: int) -> None:
        """Count one message of a profile."""
        type_ = message.get("type")
        if type_ not in COUNTED_TYPES or not self._by_event or not is_counted_at(at_ms):
            return
        name = message.get("event") if type_ == MessageType.TRACK else message.get("name")
        traits = [*self._by_event.get((type_, _as_name(name)), ()), *self._by_event.get((type_, None), ())]
        properties = read_properties(message)
        for trait in dict.fromkeys(traits):
            taken, owner = trait.take(properties), trait.find_owner(profile_id, message)
            if taken is not None and owner is not None:
                key = StateKey(trait.id, owner)
                observe_into(self._states.setdefault(key, {}), trait, taken, at_ms, log_offset)
                self._changed.add(key)
                self._dropped.discard(key)

    def merge(self, survivor_id: str, merged_id: str) -> None:
        """Give what was counted for one profile to another."""
        for trait in self._traits.values():
            gone, kept = StateKey(trait.id, merged_id), StateKey(trait.id, survivor_id)
            state = self._states.pop(gone, None)
            if state is None:
                continue
            merge_into(self._states.setdefault(kept, {}), trait, state)
            if gone in self._with_value:
                self._with_value.add(kept)
            self._drop(gone)
            self._changed.add(kept)
            self._dropped.discard(kept)

    def leave_out_accounts(self) -> None:
        """Look at people's traits only: what is observed has been counted for its accounts already."""
        self._use([trait for trait in self._traits.values() if trait.scope is Scope.USER])

    def collect(self) -> Mapping[str, list[TraitUpdate]]:
        """Return the values that may have changed, by profile; None for a value that is there no more."""
        updates: dict[str, list[TraitUpdate]] = {}
        for key in sorted(self._changed):
            trait, state = self._traits[key.trait_id], self._states[key]
            if trait.scope is Scope.ACCOUNT:
                continue
            value = trait.window.read(state, self._now_ms)
            if value is not None or key in self._with_value:
                update_ = TraitUpdate(trait.id, trait.key, value, state["at"], state["offset"])
                updates.setdefault(key.owner, []).append(update_)
        return updates

    def save(self, connection: Connection, computed_to: int) -> None:
        """Write the changed states and the offset they stand for, in the caller's transaction."""
        same = note_computed(connection, self._traits.values(), computed_to)
        changed = {key: self._states[key] for key in self._changed if key.trait_id in same}
        self._add_stored_accounts(connection, changed)
        write_states(connection, self._space_id, self._traits, changed, self._now_ms)
        delete_states(connection, self._space_id, self._dropped)

    def _add_stored_accounts(self, connection: Connection, changed: Mapping[StateKey, State]) -> None:
        # which accounts a batch concerns is known when it is over: what was counted before is added then
        for trait in self._traits.values():
            owners = [key.owner for key in changed if key.trait_id == trait.id and trait.scope is Scope.ACCOUNT]
            for key, (state, _) in read_states(connection, self._space_id, [trait.id], owners).items():
                merge_into(changed[key], trait, state)

    def _drop(self, key: StateKey) -> None:
        self._changed.discard(key)
        self._dropped.add(key)

    def _use(self, traits: Iterable[CompiledTrait]) -> None:
        self._traits = {trait.id: trait for trait in traits}
        self._by_event = {}
        for trait in traits:
            self._by_event.setdefault((trait.message_type, trait.event), []).append(trait)


def _as_name(value: object) -> str | None:
    return value if isinstance(value, str) else None


@lru_cache(maxsize=64)
def _compile_all(definitions: str) -> _Definitions:
    """Read the traits of a space; not for every batch, which may be one event."""
    traits = [_to_trait(row) for row in sorted(orjson.loads(definitions))]
    counted = tuple(compile_trait(trait) for trait in traits if trait.enabled and trait.failure is None)
    return _Definitions(frozenset(trait.id for trait in traits), counted)


def _to_trait(row: Sequence[Any]) -> ComputedTrait:
    read: dict[str, Any] = dict(zip((column.name for column in _DEFINITION), row, strict=True))
    read["definition"], read["enabled"] = read_document(read["definition"]), bool(read["enabled"])
    for name in ("created_at", "updated_at"):
        read[name] = None if read[name] is None else from_millis(read[name])
    return ComputedTrait(computed_to=None, **read)


def _select_traits(dialect: str) -> Executable:
    of_space = computed_traits.c.space_id == bindparam("space_id")
    offsets = select(computed_traits.c.id, computed_traits.c.computed_to)
    return select(*(as_json(dialect, each.where(of_space)) for each in (select(*_DEFINITION), offsets)))


_TRAITS = Prepared(_select_traits)
