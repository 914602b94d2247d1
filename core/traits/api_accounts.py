"""What the Profile API reads of one account: what was said of it, what was computed, and who belongs to it.

Decisions where the specification is silent: the traits are those of the newest 500 group calls and of SQL traits, each
with its newest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, and_, select

from core.clock import to_millis
from core.events.event_log import open_event_log
from core.events.message import read_timestamp_ms
from core.profiles import account_traits as kept
from core.profiles.api_page import Page, PageRequest, cut
from core.profiles.api_reads import to_external_id, write_traits
from core.profiles.merge_history import find_survivors
from core.storage.bulk import select_in
from core.storage.tables import account_traits, group_calls, identifiers, profile_messages
from core.traits.computed_trait import Scope
from core.traits.definition import ACCOUNT_PREFIX, compile_trait
from core.traits.states import StateKey, read_states
from core.traits.store import read_traits
from core.workspaces.workspace import Workspace

MAX_CALLS = 500

_IDENTIFIER = (identifiers.c.profile_id, identifiers.c.type, identifiers.c.value)


def is_known(connection: Connection, space_id: str, group_id: str) -> bool:
    """Say whether a group call or SQL traits have named the account."""
    return any(
        connection.execute(
            select(table.c.group_id).where(table.c.space_id == space_id, table.c.group_id == group_id).limit(1)
        ).first()
        for table in (group_calls, account_traits)
    )


def read_account_traits(
    workspace: Workspace, connection: Connection, space_id: str, group_id: str, request: PageRequest
) -> Page:
    """Return the account's traits by key, as those of a person are."""
    entries = _read_said(workspace, connection, space_id, group_id)
    for key, (value, at_ms) in kept.read_account_traits(connection, space_id, group_id).items():
        if key not in entries or entries[key][1] <= at_ms:
            entries[key] = (value, at_ms, 0, None)
    entries |= _read_computed(workspace, connection, space_id, group_id)
    return write_traits(workspace, connection, space_id, entries, request)


def read_account_links(
    _workspace: Workspace, connection: Connection, space_id: str, group_id: str, request: PageRequest
) -> Page:
    """Return the people whom group calls put into the account, in the order of their profiles."""
    calls, messages = group_calls.c, profile_messages.c
    is_same = and_(messages.space_id == calls.space_id, messages.log_offset == calls.log_offset)
    query = (
        select(messages.profile_id)
        .select_from(group_calls.join(profile_messages, is_same))
        .where(calls.space_id == space_id, calls.group_id == group_id)
        .distinct()
    )
    resolved = set(connection.execute(query).scalars())
    people = set(find_survivors(connection, space_id, resolved).values())
    keys, last = cut(sorted((profile_id,) for profile_id in people), request)
    known: dict[str, list[tuple[str, str]]] = {}
    ids = [profile_id for (profile_id,) in keys]
    for row in select_in(connection, _IDENTIFIER, {"space_id": space_id}, "profile_id", ids):
        known.setdefault(row.profile_id, []).append((row.type, row.value))
    data = [
        {"to_collection": "users", "external_ids": [to_external_id(*pair) for pair in sorted(known.get(key, []))]}
        for key in ids
    ]
    return Page({"data": data}, last)


def _read_said(workspace: Workspace, connection: Connection, space_id: str, group_id: str) -> dict[str, Sequence[Any]]:
    table = group_calls.c
    query = select(table.log_offset).where(table.space_id == space_id, table.group_id == group_id)
    offsets = connection.execute(query.order_by(table.log_offset.desc()).limit(MAX_CALLS)).scalars().all()
    said: list[tuple[int, int, dict[str, Any]]] = []
    for event in open_event_log(workspace).get_many(offsets):
        message = orjson.loads(event.body)
        traits = message.get("traits")
        if isinstance(traits, dict):
            said.append((read_timestamp_ms(message, event.received_at), event.offset, traits))
    said.sort(key=lambda each: each[:2])
    return {key: (value, at, offset, None) for at, offset, traits in said for key, value in traits.items()}


def _read_computed(
    workspace: Workspace, connection: Connection, space_id: str, group_id: str
) -> dict[str, Sequence[Any]]:
    now_ms, owner = to_millis(workspace.now()), f"{ACCOUNT_PREFIX}{group_id}"
    found: dict[str, Sequence[Any]] = {}
    for trait in read_traits(connection, space_id):
        compiled = compile_trait(trait)
        if compiled.scope is not Scope.ACCOUNT:
            continue
        states = read_states(connection, space_id, [trait.id], [owner])
        state, _has_value = states.get(StateKey(trait.id, owner), (None, False))
        if state is not None:
            value = compiled.window.read(state, now_ms)
            found[trait.key] = (value, state["at"], state["offset"], trait.id)
    return found
