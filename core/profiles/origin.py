"""Where a trait's value comes from: the message, and behind it the source, or the sync, its SQL model and its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Table, select

from core.events.event_log import StoredEvent, open_event_log
from core.storage.tables import computed_traits, sources, sql_models, syncs
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TraitOrigin:
    """The way back from a value. `sentence` says it in words; the rest are names and ids, None where not so."""

    log_offset: int
    sentence: str
    message_id: str | None = None
    source: str | None = None
    sync: str | None = None
    run_id: str | None = None
    sql_model: str | None = None
    row_key: str | None = None
    computed_trait: str | None = None


def read_origins(
    workspace: Workspace, connection: Connection, places: Mapping[str, tuple[int, str | None]]
) -> dict[str, TraitOrigin]:
    """Return the origin of each trait.

    Args:
        workspace: The opened workspace.
        connection: A reading connection to its store.
        places: By trait key: the message's log offset, and the computed trait's id or None.
    """
    offsets = sorted({offset for offset, _ in places.values()})
    events = {event.offset: event for event in open_event_log(workspace).get_many(offsets)}
    names = {table.name: _read_names(connection, table) for table in (sources, syncs, sql_models, computed_traits)}
    return {key: _describe(offset, trait_id, events.get(offset), names) for key, (offset, trait_id) in places.items()}


def _describe(
    offset: int, trait_id: str | None, event: StoredEvent | None, names: dict[str, dict[str, str]]
) -> TraitOrigin:
    if trait_id is not None:
        name = names["computed_traits"].get(trait_id, "a computed trait that was deleted")
        return TraitOrigin(offset, f"Computed: {name}, up to message {offset}", computed_trait=name)
    if event is None:
        return TraitOrigin(offset, f"Message {offset}, which is no longer in the log")
    source = names["sources"].get(event.source_id, event.source_id)
    origin = (orjson.loads(event.body).get("context") or {}).get("reverseEtl")
    if not isinstance(origin, dict):
        sentence = f"{source}, message {offset}"
        return TraitOrigin(offset, sentence, message_id=event.message_id, source=source)
    sync = names["syncs"].get(str(origin.get("syncId")), "a sync that was deleted")
    sql_model = names["sql_models"].get(str(origin.get("sqlModelId")), "a SQL model that was deleted")
    row_key = str(origin.get("rowKey"))
    return TraitOrigin(
        offset,
        f"{source} › {sql_model} › row {row_key} ({sync}, message {offset})",
        message_id=event.message_id,
        source=source,
        sync=sync,
        run_id=str(origin.get("runId")),
        sql_model=sql_model,
        row_key=row_key,
    )


def _read_names(connection: Connection, table: Table) -> dict[str, str]:
    return {row.id: row.name for row in connection.execute(select(table.c.id, table.c.name))}
