"""What the Profile API reads of one account: its traits, and who belongs to it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.profiles.api_page import Page, PageRequest, cut
from core.profiles.api_reads import to_external_id, write_traits
from core.profiles.merge_history import find_survivors
from core.storage.bulk import select_equal, select_in
from core.storage.tables import account_traits, identifiers, profile_accounts
from core.traits.accounts import read_entries
from core.workspaces.workspace import Workspace

_IDENTIFIER = (identifiers.c.profile_id, identifiers.c.type, identifiers.c.value)


def is_known(connection: Connection, space_id: str, group_id: str) -> bool:
    """Say whether a message that reached a profile names the account, or traits are kept of it."""
    return any(
        connection.execute(
            select(table.c.group_id).where(table.c.space_id == space_id, table.c.group_id == group_id).limit(1)
        ).first()
        for table in (profile_accounts, account_traits)
    )


def read_account_traits(
    workspace: Workspace, connection: Connection, space_id: str, group_id: str, request: PageRequest
) -> Page:
    """Return the account's traits by key, as those of a person are."""
    entries = read_entries(workspace, connection, space_id, group_id)
    told = {key: entry[:4] for key, entry in entries.items()}
    return write_traits(workspace, connection, space_id, told, request)


def read_account_links(
    _workspace: Workspace, connection: Connection, space_id: str, group_id: str, request: PageRequest
) -> Page:
    """Return the people whose messages name the account, in the order of their profiles."""
    named = select_equal(connection, (profile_accounts.c.profile_id,), {"space_id": space_id, "group_id": group_id})
    people = set(find_survivors(connection, space_id, {profile_id for (profile_id,) in named}).values())
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
