"""The states of computed traits in the store: one row a trait and person, or a trait and account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, literal, select

from core.clock import to_millis
from core.storage.bulk import select_in, update_any, upsert_rows
from core.storage.tables import account_traits, computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import ACCOUNT_PREFIX, CompiledTrait, compile_trait
from core.traits.kinds import State

PAGE_OWNERS = 1_000


class StateKey(NamedTuple):
    """Whose state of which trait."""

    trait_id: str
    owner: str


class Counted(NamedTuple):
    """The state of one owner with what it gives at a moment: both as JSON, `value` None where it gives none.

    `due_at` is when the value may change by itself, in ms; `at_ms` and `log_offset` are of the newest message.
    """

    owner: str
    state: str
    value: str | None
    due_at: int | None
    at_ms: int
    log_offset: int


_EDITED = (
    select(computed_traits.c.id, computed_traits.c.updated_at)
    .where(computed_traits.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(computed_traits.c.id)
    .with_for_update()
)
_COLUMNS = (trait_states.c.trait_id, trait_states.c.profile_id, trait_states.c.state, trait_states.c.has_value)


def read_states(
    connection: Connection, space_id: str, trait_ids: Iterable[str], owners: Collection[str]
) -> dict[StateKey, tuple[State, bool]]:
    """Return the states of these owners, each with whether it gave a value when it was saved."""
    fixed = {"space_id": space_id, "trait_id": tuple(trait_ids)}
    rows = select_in(connection, _COLUMNS, fixed, "profile_id", owners)
    return {StateKey(row.trait_id, row.profile_id): (orjson.loads(row.state), bool(row.has_value)) for row in rows}


def read_values(connection: Connection, trait: ComputedTrait, now: datetime) -> Iterator[dict[str, object]]:
    """Yield the values that the trait has at `now`, by owner, page by page in the order of the owners."""
    states, window, at_ms = trait_states.c, compile_trait(trait).window, to_millis(trait.read_at(now))
    query = (
        select(states.profile_id, states.state)
        .where(states.space_id == trait.space_id, states.trait_id == trait.id, states.has_value == 1)
        .order_by(states.profile_id)
        .limit(PAGE_OWNERS)
    )
    last = ""
    while rows := connection.execute(query.where(states.profile_id > last)).all():
        last = rows[-1].profile_id
        values = {row.profile_id: window.read(orjson.loads(row.state), at_ms) for row in rows}
        yield {owner: value for owner, value in values.items() if value is not None}


def forget_left(connection: Connection, space_id: str, key: str, trait_id: str) -> None:
    """Forget what deleted traits left under `key` on the accounts that the trait has counted, in the transaction."""
    left, states = account_traits.c, trait_states.c
    is_counted = select(states.profile_id).where(
        states.space_id == left.space_id,
        states.trait_id == trait_id,
        states.profile_id == literal(ACCOUNT_PREFIX).concat(left.group_id),
    )
    its = (left.space_id == space_id, left.key == key, left.sync_id.is_(None))
    connection.execute(delete(account_traits).where(*its, is_counted.exists()))


def delete_account_states(connection: Connection, space_id: str, trait_id: str) -> None:
    """Forget what a trait has counted of accounts, in the caller's transaction: their values are read from it."""
    states = trait_states.c
    its = (states.space_id == space_id, states.trait_id == trait_id)
    connection.execute(delete(trait_states).where(*its, states.profile_id.startswith(ACCOUNT_PREFIX, autoescape=True)))


def write_states(
    connection: Connection,
    space_id: str,
    traits: Mapping[str, CompiledTrait],
    states: Mapping[StateKey, State],
    now_ms: int,
) -> None:
    """Write states with what they give at this moment, in the caller's transaction."""
    rows = []
    for trait_id, owner in sorted(states):
        counted = read_counted(traits[trait_id], owner, states[StateKey(trait_id, owner)], now_ms)
        rows.append(_to_row(space_id, trait_id, counted))
    upsert_rows(connection, trait_states, rows)


def write_counted(connection: Connection, space_id: str, trait_id: str, counted: Iterable[Counted]) -> None:
    """Write the states of one trait, in the caller's transaction."""
    upsert_rows(connection, trait_states, [_to_row(space_id, trait_id, each) for each in counted])


def read_counted(trait: CompiledTrait, owner: str, state: State, now_ms: int) -> Counted:
    """Return a state with what it gives at this moment."""
    value = trait.window.read(state, now_ms)  # before the rest: reading forgets what has left the window
    due_at = trait.window.find_due(state) if value is not None else None
    shown = None if value is None else orjson.dumps(value).decode()
    return Counted(owner, orjson.dumps(state).decode(), shown, due_at, state["at"], state["offset"])


def _to_row(space_id: str, trait_id: str, counted: Counted) -> tuple[object, ...]:
    owner, state, value, due_at, *_ = counted
    return (space_id, trait_id, owner, state, int(value is not None), due_at)


def find_unchanged(connection: Connection, traits: Iterable[CompiledTrait]) -> set[str]:
    """Return which traits are still as they were read, and keep them so until the caller's transaction ends.

    What was counted by a definition that was edited or deleted meanwhile must not be written: a new history comes.
    """
    read = {trait.id: trait.updated_at for trait in traits}
    if not read:
        return set()
    rows = connection.execute(_EDITED, {"ids": list(read)})
    return {row.id for row in rows if row.updated_at == read[row.id]}


def note_computed(connection: Connection, traits: Iterable[CompiledTrait], computed_to: int) -> set[str]:
    """Note how far the traits are counted; return those that are still as they were read, and keep them so as above."""
    read = [
        {"id": trait.id, "updated_at": None if trait.updated_at is None else to_millis(trait.updated_at)}
        for trait in traits
    ]
    return set(update_any(connection, computed_traits.c.id, {"computed_to": computed_to}, read))


def delete_states(connection: Connection, space_id: str, keys: Collection[StateKey]) -> None:
    """Delete states, in the caller's transaction."""
    if not keys:
        return
    where = trait_states.c
    statement = delete(trait_states).where(
        where.space_id == space_id, where.trait_id == bindparam("trait"), where.profile_id == bindparam("owner")
    )
    connection.execute(statement, [{"trait": key.trait_id, "owner": key.owner} for key in sorted(keys)])


def observe_into(state: State, trait: CompiledTrait, taken: object, at_ms: int, log_offset: int) -> None:
    """Count what was taken of one message, and note the newest message that counts."""
    trait.window.add(state, taken, at_ms, log_offset)
    note_newest(state, at_ms, log_offset)


def merge_into(into: State, trait: CompiledTrait, other: State) -> None:
    """Add what `other` has counted."""
    trait.window.merge(into, other)
    note_newest(into, other["at"], other["offset"])


def note_newest(state: State, at_ms: int, log_offset: int) -> None:
    """Keep the time and offset of the newest message that counts."""
    newest = (at_ms, log_offset)
    state["at"], state["offset"] = max((state.get("at", at_ms), state.get("offset", log_offset)), newest)
