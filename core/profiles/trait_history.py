"""Compute the history of traits that were added after messages had been applied: from the log, in batches.

A batch's states, values and place are committed together, so a kill loses nothing and counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from sqlalchemy import Connection, select

from core.events.event_log import EventLog
from core.events.message import read_timestamp_ms
from core.profiles.merge_history import find_survivors
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import read_offset
from core.profiles.trait_engine import TraitBatch, TraitEngine
from core.storage.tables import profile_messages
from core.workspaces.workspace import Workspace

HISTORY_BATCH_MESSAGES = 5_000


def compute_history(
    workspace: Workspace,
    space_id: str,
    engine: TraitEngine,
    log: EventLog,
    check_lease: Callable[[Connection], None],
) -> None:
    """Bring every computed trait of the space to the builder's offset."""
    while True:
        with workspace.database.reading() as connection:
            offset = read_offset(connection, space_id)
            traits = engine.open_batch(connection, space_id)
            behind = traits.find_behind(offset)
            if not behind:
                return
            start = min(behind.values())
            traits.keep_only([trait_id for trait_id, at in behind.items() if at == start])
            others = [at for at in behind.values() if at > start]
            end = min([offset, *others])
            rows = _read_messages(connection, space_id, start, end)
            owners = find_survivors(connection, space_id, {profile_id for _, profile_id in rows})
            traits.load(connection, set(owners.values()))
            around = Neighbourhood(space_id)
            around.load_profiles(connection, set(owners.values()))
        _observe(traits, log, rows, owners)
        for profile_id, updates in traits.collect().items():
            for update in updates:
                entry = [update.value, update.at_ms, update.log_offset, update.trait_id]
                around.profiles[profile_id].put_trait(update.key, entry, traits.is_active)
            around.touch(around.profiles[profile_id])
        with workspace.database.transaction() as connection:
            check_lease(connection)
            around.write(connection)
            traits.save(connection, rows[-1][0] if len(rows) == HISTORY_BATCH_MESSAGES else end)


def _read_messages(connection: Connection, space_id: str, start: int, end: int) -> Sequence[tuple[int, str]]:
    table = profile_messages.c
    query = (
        select(table.log_offset, table.profile_id)
        .where(table.space_id == space_id, table.log_offset > start, table.log_offset <= end)
        .order_by(table.log_offset)
        .limit(HISTORY_BATCH_MESSAGES)
    )
    return [(row.log_offset, row.profile_id) for row in connection.execute(query)]


def _observe(traits: TraitBatch, log: EventLog, rows: Sequence[tuple[int, str]], owners: dict[str, str]) -> None:
    profile_of = dict(rows)
    for event in log.get_many(list(profile_of)):
        if traits.is_interested(event.type, event.name):
            message = orjson.loads(event.body)
            at_ms = read_timestamp_ms(message, event.received_at)
            traits.observe(owners[profile_of[event.offset]], message, at_ms, event.offset)
