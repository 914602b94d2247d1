"""The accounts that a person belongs to: those that the person's messages name, as group calls describe them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis
from core.events.event_log import StoredEvent, open_event_log
from core.events.message import MessageType, read_group_id, read_timestamp_ms
from core.profiles.merge_history import find_members, find_survivors
from core.storage.bulk import select_in
from core.storage.tables import profile_accounts, profile_messages
from core.workspaces.workspace import Workspace

MAX_GROUP_CALLS = 500
"""The newest of a person; a program that repeats the call with every page adds nothing."""


MAX_NAME_CHARS = 160


@dataclass(frozen=True, slots=True)
class Account:
    """One account: its id, its name where a group call said one, and when the newest such call happened, if one did."""

    group_id: str
    name: str | None
    called_at: datetime | None


def list_accounts(workspace: Workspace, space_id: str, profile_id: str) -> list[Account]:
    """Return the accounts of a profile, the one that a group call named last first; those that none names by id."""
    with workspace.database.reading() as connection:
        members = find_members(connection, space_id, [profile_id])
        named = list_group_ids(connection, space_id, members)
        events = _read_group_calls(workspace, connection, space_id, members) if named else []
    found = {group_id: Account(group_id, None, None) for group_id in named}
    for event in events:
        message = orjson.loads(event.body)
        before = found.get(read_group_id(message) or "")
        if before is not None:
            traits = message.get("traits")
            name = read_account_name(traits.get("name")) if isinstance(traits, dict) else None
            at = from_millis(read_timestamp_ms(message, event.received_at))
            found[before.group_id] = Account(before.group_id, before.name or name, max(at, before.called_at or at))
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found.values(), key=lambda each: each.called_at or never, reverse=True)


def read_account_name(value: object) -> str | None:
    """Return a name as it can stand in a heading: one line that can be printed; None where nothing is left of it.

    Example:
        >>> read_account_name(" Acme  Ltd "), read_account_name("  "), read_account_name(7)
        ('Acme Ltd', None, None)
    """
    if not isinstance(value, str):
        return None
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())
    return f"{line[: MAX_NAME_CHARS - 1]}…" if len(line) > MAX_NAME_CHARS else line or None


def list_group_ids(connection: Connection, space_id: str, profile_ids: Collection[str]) -> list[str]:
    """Return the accounts that messages of profiles name, by their ids."""
    rows = select_in(connection, (profile_accounts.c.group_id,), {"space_id": space_id}, "profile_id", profile_ids)
    return sorted({group_id for (group_id,) in rows})


def list_account_people(connection: Connection, space_id: str, group_id: str, limit: int) -> list[str]:
    """Return people whose messages name the account, by their profile ids, the youngest profiles first."""
    table, found = profile_accounts.c, dict[str, None]()
    query = (
        select(table.profile_id)
        .where(table.space_id == space_id, table.group_id == group_id)
        .order_by(table.profile_id.desc())
        .limit(limit)
    )
    page = connection.execute(query).scalars().all()
    while page:
        survivors = find_survivors(connection, space_id, set(page))
        found |= dict.fromkeys(survivors[profile_id] for profile_id in page)
        if len(page) < limit or len(found) >= limit:
            break
        page = connection.execute(query.where(table.profile_id < page[-1])).scalars().all()
    return list(found)[:limit]


def _read_group_calls(
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
