"""Which group calls speak of which account: followed behind the builder, for the traits that they give it.

Only the calls are noted, not the people: whom a call reached is what `profile_messages` says now, after merges, undone
merges and rebuilds.
"""

from __future__ import annotations

import orjson
from sqlalchemy import select

from core.events.event_log import open_event_log
from core.events.message import MessageType, read_group_id
from core.profiles.progress import read_group_offset, read_offset, write_group_offset
from core.storage.bulk import upsert_rows
from core.storage.tables import group_calls, profile_messages
from core.workspaces.workspace import Workspace

CALLS_AT_ONCE = 2_000


def follow_group_calls(workspace: Workspace, space_id: str) -> int:
    """Note the accounts of the group calls that the builder has applied since, and return how many calls these are."""
    followed = 0
    log, table = open_event_log(workspace), profile_messages.c
    while True:
        with workspace.database.reading() as connection:
            after, built_to = read_group_offset(connection, space_id), read_offset(connection, space_id)
            if built_to <= after:
                return followed
            query = (
                select(table.log_offset)
                .where(table.space_id == space_id, table.log_offset > after, table.log_offset <= built_to)
                .where(table.type == MessageType.GROUP)
                .order_by(table.log_offset)
                .limit(CALLS_AT_ONCE)
            )
            offsets = connection.execute(query).scalars().all()
        named = [(event.offset, read_group_id(orjson.loads(event.body))) for event in log.get_many(offsets)]
        rows = [(space_id, name, offset) for offset, name in named if name is not None]
        end = built_to if len(offsets) < CALLS_AT_ONCE else offsets[-1]
        with workspace.database.transaction() as connection:
            if read_offset(connection, space_id) < built_to or read_group_offset(connection, space_id) != after:
                return followed  # another worker was faster
            upsert_rows(connection, group_calls, rows)  # after a rebuild most are there
            write_group_offset(connection, space_id, end, workspace.now())
        followed += len(rows)
