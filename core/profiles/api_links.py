"""The accounts that a person belongs to, as the Profile API shows them: from the person's group calls.

`group_id` ties a message to a profile only in a space that chose it as an identifier; a group call says where a person
belongs in every space.
"""

from __future__ import annotations

import orjson
from sqlalchemy import Connection, select

from core.events.event_log import open_event_log
from core.events.message import MessageType
from core.profiles.api_page import Page, PageRequest, cut
from core.profiles.api_reads import Person, list_former_ids, to_external_id
from core.storage.tables import profile_messages
from core.workspaces.workspace import Workspace

MAX_GROUP_CALLS = 500
"""The newest of a person; a program that repeats the call with every page adds nothing."""


def read_links(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return the groups that the person's group calls name, in the order of their ids."""
    table = profile_messages.c
    query = (
        select(table.log_offset)
        .where(
            table.space_id == space_id,
            table.profile_id.in_(list_former_ids(connection, space_id, person.id)),
            table.type == MessageType.GROUP,
        )
        .order_by(table.log_offset.desc())
        .limit(MAX_GROUP_CALLS)
    )
    events = open_event_log(workspace).get_many(connection.execute(query).scalars().all())
    found = {str(orjson.loads(event.body).get("groupId") or "").strip() for event in events} - {""}
    keys, last = cut(sorted((group_id,) for group_id in found), request)
    data = [{"to_collection": "accounts", "external_ids": [to_external_id("group_id", key)]} for (key,) in keys]
    return Page({"data": data}, last)
