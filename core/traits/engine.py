"""The trait engine: counts messages into the states of computed traits, for the profile builder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, bindparam, delete, select, update

from core.errors import InvalidField
from core.events.message import Message, MessageType
from core.profiles.bulk import select_in, upsert_rows
from core.profiles.trait_engine import TraitUpdate
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.conditions import MAX_CONDITIONS, Condition, parse_condition
from core.traits.kinds import Kind, State, make_kind

_COUNTED_TYPES = (MessageType.TRACK, MessageType.PAGE, MessageType.SCREEN)
_Matches = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True, slots=True)
class CompiledTrait:
    """A computed trait ready to count."""

    id: str
    key: str
    computed_to: int | None
    message_type: str
    event: str | None
    conditions: tuple[Condition, ...]
    kind: Kind

    def matches(self, properties: Mapping[str, object]) -> bool:
        """Say whether a message with these properties meets every condition."""
        return all(condition.holds(properties) for condition in self.conditions)


def compile_trait(trait: ComputedTrait) -> CompiledTrait:
    """Return `trait` ready to count.

    Raises:
        InvalidField: The definition cannot be computed; the message says what is wrong.
    """
    definition = trait.definition
    message_type, event = definition.get("message_type", MessageType.TRACK), definition.get("event")
    if message_type not in _COUNTED_TYPES:
        raise InvalidField(f"{trait.name} counts messages of an unknown type.", hint="Use track, page or screen.")
    if event is not None and not isinstance(event, str):
        raise InvalidField(f"{trait.name} names its event by something else than text.", hint="Use the event's name.")
    if message_type == MessageType.TRACK and not event:
        raise InvalidField(f"{trait.name} names no event.", hint="Choose the event it counts.")
    conditions = definition.get("conditions") or []
    if not isinstance(conditions, list) or len(conditions) > MAX_CONDITIONS:
        raise InvalidField(f"{trait.name} has too many conditions.", hint=f"Use at most {MAX_CONDITIONS}.")
    return CompiledTrait(
        trait.id,
        trait.key,
        trait.computed_to,
        str(message_type),
        event or None,
        tuple(parse_condition(each) for each in conditions),
        make_kind(trait.kind, definition),
    )


class ComputedTraitEngine:
    """The engine that the builder is given."""

    def open_batch(self, connection: Connection, space_id: str) -> ComputedTraitBatch:
        """Read the space's definitions; states are loaded later."""
        query = select(computed_traits).where(computed_traits.c.space_id == space_id).order_by(computed_traits.c.id)
        traits = [compile_trait(ComputedTrait(**row._mapping)) for row in connection.execute(query)]
        return ComputedTraitBatch(space_id, traits)


class ComputedTraitBatch:
    """The states of the traits of one space during one batch. Implements `core.profiles.trait_engine.TraitBatch`."""

    def __init__(self, space_id: str, traits: list[CompiledTrait]) -> None:
        self._space_id = space_id
        self._active = {trait.id for trait in traits}
        self._traits: dict[str, CompiledTrait] = {}
        self._by_event: dict[tuple[str, str | None], list[CompiledTrait]] = {}
        self._states: dict[tuple[str, str], State] = {}
        self._changed: set[tuple[str, str]] = set()
        self._dropped: set[tuple[str, str]] = set()
        self._use(traits)

    def find_behind(self, log_offset: int) -> Mapping[str, int]:
        """Return the traits whose history is not computed up to `log_offset`, each with the offset it is at."""
        return {
            trait.id: trait.computed_to or 0
            for trait in self._traits.values()
            if trait.computed_to is None or trait.computed_to < log_offset
        }

    def keep_only(self, trait_ids: Collection[str]) -> None:
        """Look at no other traits than these."""
        self._use([trait for trait in self._traits.values() if trait.id in trait_ids])

    def leave_out(self, trait_ids: Collection[str]) -> None:
        """Look at every trait but these."""
        self._use([trait for trait in self._traits.values() if trait.id not in trait_ids])

    def is_active(self, trait_id: str) -> bool:
        """Say whether this trait still exists."""
        return trait_id in self._active

    def is_interested(self, message_type: str, name: object) -> bool:
        """Say whether any trait counts messages of this type and name."""
        return (message_type, name) in self._by_event or (message_type, None) in self._by_event

    def load(self, connection: Connection, profile_ids: Collection[str]) -> None:
        """Load the states of these profiles."""
        for trait_id in self._traits:
            fixed = {"space_id": self._space_id, "trait_id": trait_id}
            columns = (trait_states.c.profile_id, trait_states.c.state)
            for row in select_in(connection, columns, fixed, "profile_id", profile_ids):
                self._states[trait_id, row.profile_id] = orjson.loads(row.state)

    def observe(self, profile_id: str, message: Message, at_ms: int, log_offset: int) -> None:
        """Count one message of a profile."""
        type_ = message.get("type")
        if type_ not in _COUNTED_TYPES or not self._by_event:
            return
        name = message.get("event") if type_ == MessageType.TRACK else message.get("name")
        traits = [*self._by_event.get((type_, _as_name(name)), ()), *self._by_event.get((type_, None), ())]
        properties = message.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        for trait in dict.fromkeys(traits):
            if trait.matches(properties):
                self._count(trait, profile_id, properties, at_ms, log_offset)

    def merge(self, survivor_id: str, merged_id: str) -> None:
        """Give what was counted for one profile to another."""
        for trait in self._traits.values():
            state = self._states.pop((trait.id, merged_id), None)
            if state is None:
                continue
            into = self._states.setdefault((trait.id, survivor_id), {"at": state["at"], "offset": state["offset"]})
            trait.kind.merge(into, state)
            into["at"], into["offset"] = max((into["at"], into["offset"]), (state["at"], state["offset"]))
            self._changed.discard((trait.id, merged_id))
            self._changed.add((trait.id, survivor_id))
            self._dropped.add((trait.id, merged_id))

    def collect(self) -> Mapping[str, list[TraitUpdate]]:
        """Return the values that may have changed, by profile."""
        updates: dict[str, list[TraitUpdate]] = {}
        for trait_id, profile_id in sorted(self._changed):
            trait, state = self._traits[trait_id], self._states[trait_id, profile_id]
            value = trait.kind.read(state)
            if value is not None:
                update_ = TraitUpdate(trait_id, trait.key, value, state["at"], state["offset"])
                updates.setdefault(profile_id, []).append(update_)
        return updates

    def save(self, connection: Connection, computed_to: int) -> None:
        """Write the changed states and the offset they stand for, in the caller's transaction."""
        rows = [(self._space_id, *key, orjson.dumps(self._states[key]).decode()) for key in sorted(self._changed)]
        upsert_rows(connection, trait_states, rows)
        if self._dropped:
            where = trait_states.c
            statement = delete(trait_states).where(
                where.space_id == self._space_id,
                where.trait_id == bindparam("trait"),
                where.profile_id == bindparam("profile"),
            )
            connection.execute(statement, [{"trait": trait, "profile": profile} for trait, profile in self._dropped])
        ids = list(self._traits)
        connection.execute(update(computed_traits).where(computed_traits.c.id.in_(ids)).values(computed_to=computed_to))

    def _use(self, traits: list[CompiledTrait]) -> None:
        self._traits = {trait.id: trait for trait in traits}
        self._by_event = {}
        for trait in traits:
            self._by_event.setdefault((trait.message_type, trait.event), []).append(trait)

    def _count(
        self, trait: CompiledTrait, profile_id: str, properties: Mapping[str, object], at_ms: int, log_offset: int
    ) -> None:
        key = (trait.id, profile_id)
        state = self._states.get(key) or {"at": at_ms, "offset": log_offset}
        if trait.kind.add(state, properties):
            state["at"], state["offset"] = max((state["at"], state["offset"]), (at_ms, log_offset))
            self._states[key] = state
            self._changed.add(key)
            self._dropped.discard(key)


def _as_name(value: object) -> str | None:
    return value if isinstance(value, str) else None
