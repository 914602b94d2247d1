"""The accounts that a person belongs to, from the person's group calls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis
from core.events.event_log import StoredEvent, open_event_log
from core.events.message import MessageType, read_timestamp_ms
from core.profiles.merge_history import find_members
from core.storage.tables import profile_messages
from core.workspaces.workspace import Workspace

MAX_GROUP_CALLS = 500
"""The newest of a person; a program that repeats the call with every page adds nothing."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account: its id, its name where a call said one, and when the newest call about it happened."""

    group_id: str
    name: str | None
    last_seen_at: datetime


def list_accounts(workspace: Workspace, space_id: str, profile_id: str) -> list[Account]:
    """Return the accounts of a profile, in the order of their ids."""
    with workspace.database.reading() as connection:
        events = read_group_calls(workspace, connection, space_id, find_members(connection, space_id, [profile_id]))
    found: dict[str, Account] = {}
    for event in events:
        message = orjson.loads(event.body)
        group_id = read_group_id(message)
        traits = message.get("traits")
        name = traits.get("name") if isinstance(traits, dict) else None
        before = found.get(group_id)
        at = from_millis(read_timestamp_ms(message, event.received_at))
        if group_id:
            name = (before.name if before else None) or (name if isinstance(name, str) else None)
            found[group_id] = Account(group_id, name, max(at, before.last_seen_at) if before else at)
    return [found[group_id] for group_id in sorted(found)]


def read_group_calls(
    workspace: Workspace, connection: Connection, space_id: str, profile_ids: Collection[str]
) -> list[StoredEvent]:
    """Return the group calls of profiles, newest first, at most `MAX_GROUP_CALLS`."""
    table = profile_messages.c
    query = (
        select(table.log_offset)
        .where(table.space_id == space_id, table.profile_id.in_(profile_ids), table.type == MessageType.GROUP)
        .order_by(table.log_offset.desc())
        .limit(MAX_GROUP_CALLS)
    )
    return open_event_log(workspace).get_many(connection.execute(query).scalars().all())


def read_group_id(message: dict[str, object]) -> str:
    """Return the account that a group call names; "" for none."""
    return str(message.get("groupId") or "").strip()
