"""The accounts that a person belongs to, as the Profile API shows them: those that the person's messages name.

`group_id` ties a message to a profile only in a space that chose it as an identifier; a group call, or the account in
the context of an event, says where a person belongs in every space.
"""

from __future__ import annotations

from sqlalchemy import Connection

from core.profiles.accounts import list_group_ids
from core.profiles.api_page import Page, PageRequest, cut
from core.profiles.api_reads import Person, to_external_id
from core.profiles.merge_history import find_members
from core.workspaces.workspace import Workspace


def read_links(
    _workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return the accounts that the person's messages name, in the order of their ids."""
    found = list_group_ids(connection, space_id, find_members(connection, space_id, [person.id]))
    keys, last = cut([(group_id,) for group_id in found], request)
    data = [{"to_collection": "accounts", "external_ids": [to_external_id("group_id", key)]} for (key,) in keys]
    return Page({"data": data}, last)
