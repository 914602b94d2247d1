"""What is known of one account: what group calls said, what SQL traits keep, and what was computed.

Decisions where the specification is silent: the traits are those of the newest 500 group calls, of SQL traits and of
computed traits that were deleted, each with its newest value. What is computed goes before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis, to_millis
from core.events.event_log import open_event_log
from core.events.message import read_timestamp_ms
from core.profiles.account_traits import read_account_traits
from core.profiles.accounts import Account, read_account_name
from core.profiles.origin import read_names
from core.storage.tables import group_calls, sources, syncs
from core.traits.computed_trait import Scope
from core.traits.definition import ACCOUNT_PREFIX, compile_trait
from core.traits.states import read_states
from core.traits.store import read_traits
from core.workspaces.workspace import Workspace

MAX_CALLS = 500


class Entry(NamedTuple):
    """One value as the Profile API takes it, with its time in ms and the message, computed trait or sync behind it."""

    value: Any
    at_ms: int
    log_offset: int
    trait_id: str | None
    origin_id: str | None
    """Of the source, the computed trait or the sync of SQL traits; None: left by a computed trait that was deleted."""


@dataclass(frozen=True, slots=True)
class AccountTrait:
    """One trait of an account. `origin` names the source, the computed trait or the SQL traits that it is from."""

    key: str
    value: object
    updated_at: datetime
    origin: str


def list_account_traits(workspace: Workspace, space_id: str, group_id: str) -> list[AccountTrait]:
    """Return the account's traits that have a value, in the order of their keys."""
    with workspace.database.reading() as connection:
        entries = read_entries(workspace, connection, space_id, group_id)
        traits = {trait.id: trait.name for trait in read_traits(connection, space_id)}
        names = {**read_names(connection, sources), **read_names(connection, syncs), **traits}
    return [
        AccountTrait(key, entry.value, from_millis(entry.at_ms), _name_origin(names, entry.origin_id))
        for key, entry in sorted(entries.items())
        if entry.value is not None
    ]


def choose_account_name(account: Account, traits: Sequence[AccountTrait]) -> str | None:
    """Return what to call an account that has `traits`, whoever said it; else what its person's own calls say, if any.

    The name among the traits may be another person's: who is named with an account by events alone never said it.
    """
    said = (read_account_name(trait.value) for trait in traits if trait.key == "name")
    return next(said, None) or account.name


def _name_origin(names: Mapping[str, str], origin_id: str | None) -> str:
    return "a computed trait that was deleted" if origin_id is None else names.get(origin_id, origin_id)


def read_entries(workspace: Workspace, connection: Connection, space_id: str, group_id: str) -> dict[str, Entry]:
    """Return the account's traits by key; what SQL traits took away has no value."""
    entries = _read_said(workspace, connection, space_id, group_id)
    for key, kept in read_account_traits(connection, space_id, group_id).items():
        if key not in entries or entries[key].at_ms <= kept.at_ms:
            entries[key] = Entry(kept.value, kept.at_ms, 0, None, kept.sync_id)
    return entries | _read_computed(workspace, connection, space_id, group_id)


def _read_said(workspace: Workspace, connection: Connection, space_id: str, group_id: str) -> dict[str, Entry]:
    table = group_calls.c
    query = select(table.log_offset).where(table.space_id == space_id, table.group_id == group_id)
    offsets: Sequence[int] = (
        connection.execute(query.order_by(table.log_offset.desc()).limit(MAX_CALLS)).scalars().all()
    )
    said: list[tuple[int, int, str, dict[str, Any]]] = []
    for event in open_event_log(workspace).get_many(offsets):
        message = orjson.loads(event.body)
        traits = message.get("traits")
        if isinstance(traits, dict):
            said.append((read_timestamp_ms(message, event.received_at), event.offset, event.source_id, traits))
    said.sort(key=lambda each: each[:2])
    return {
        key: Entry(value, at, offset, None, source_id)
        for at, offset, source_id, traits in said
        for key, value in traits.items()
    }


def _read_computed(workspace: Workspace, connection: Connection, space_id: str, group_id: str) -> dict[str, Entry]:
    now, owner = workspace.now(), f"{ACCOUNT_PREFIX}{group_id}"
    traits = {trait.id: trait for trait in read_traits(connection, space_id) if trait.scope is Scope.ACCOUNT}
    found: dict[str, Entry] = {}
    for (trait_id, _owner), (state, _has_value) in read_states(connection, space_id, traits, [owner]).items():
        trait = traits[trait_id]
        value = compile_trait(trait).window.read(state, to_millis(trait.read_at(now)))
        found[trait.key] = Entry(value, state["at"], state["offset"], trait_id, trait_id)
    return found
