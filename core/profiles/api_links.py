"""The accounts that a person belongs to, as the Profile API shows them: from the person's group calls.

`group_id` ties a message to a profile only in a space that chose it as an identifier; a group call says where a person
belongs in every space.
"""

from __future__ import annotations

import orjson
from sqlalchemy import Connection

from core.profiles.accounts import read_group_calls, read_group_id
from core.profiles.api_page import Page, PageRequest, cut
from core.profiles.api_reads import Person, to_external_id
from core.profiles.merge_history import find_members
from core.workspaces.workspace import Workspace


def read_links(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return the groups that the person's group calls name, in the order of their ids."""
    events = read_group_calls(workspace, connection, space_id, find_members(connection, space_id, [person.id]))
    found = {read_group_id(orjson.loads(event.body)) for event in events} - {""}
    keys, last = cut(sorted((group_id,) for group_id in found), request)
    data = [{"to_collection": "accounts", "external_ids": [to_external_id("group_id", key)]} for (key,) in keys]
    return Page({"data": data}, last)
