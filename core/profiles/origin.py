"""From a trait's value back to its origin: message, source, sync, run, SQL model and row, or computed trait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Table, select

from core.events.event_log import StoredEvent
from core.profiles.profile import TraitOrigin
from core.storage.tables import computed_traits, sources, sql_models, syncs


class OriginReader:
    """Explains what messages said; names are looked up, and bodies read, once for all of it."""

    def __init__(self, connection: Connection, events: Iterable[StoredEvent]) -> None:
        self._events = {event.offset: event for event in events}
        self._contexts: dict[int, Mapping[str, Any]] = {}
        self._traits = read_names(connection, computed_traits)
        self._sources = read_names(connection, sources)
        self._syncs = read_names(connection, syncs)
        self._sql_models = read_names(connection, sql_models)

    def explain(self, log_offset: int, trait_id: str | None) -> TraitOrigin:
        """Return the origin of a value that the message at `log_offset` set, or counted into a computed trait."""
        event = self._events.get(log_offset)
        if event is None:
            return TraitOrigin(f"Message #{log_offset}, which is no longer in the event log.", log_offset)
        source = self._sources.get(event.source_id)
        about: dict[str, Any] = {"message_id": event.message_id, "source_id": event.source_id, "source": source}
        trait = self._traits.get(trait_id) if trait_id else None
        if trait_id:
            sentence = _describe_computed(trait, event, source)
            return TraitOrigin(sentence, log_offset, **about, computed_trait=trait)
        context = self._contexts.get(log_offset)
        if context is None:
            context = self._contexts[log_offset] = _read_context(event)
        said = _read_prediction(context)
        if said:
            return TraitOrigin(_describe_prediction(said, event), log_offset, **about, **said)
        row = _read_row(context)
        about |= {
            "sync_id": row.get("syncId"),
            "sync": self._syncs.get(row.get("syncId", "")),
            "run_id": row.get("runId"),
            "sql_model_id": row.get("sqlModelId"),
            "sql_model": self._sql_models.get(row.get("sqlModelId", "")),
            "row_key": row.get("rowKey"),
        }
        return TraitOrigin(_describe_message(event, about), log_offset, **about)


def read_names(connection: Connection, table: Table) -> Mapping[str, str]:
    """Return the name of each source, sync, SQL model or computed trait by id."""
    return {row.id: row.name for row in connection.execute(select(table.c.id, table.c.name))}


def _describe_computed(trait: str | None, event: StoredEvent, source: str | None) -> str:
    newest = f"the newest message that counts is #{event.offset} from {source or event.source_id}"
    if trait is None:
        return f"Left by a computed trait that was deleted; {newest}."
    return f"Computed trait “{trait}”; {newest}."


def _describe_message(event: StoredEvent, about: Mapping[str, str | None]) -> str:
    source = about["source"] or event.source_id
    if not about["row_key"]:
        return f"Message #{event.offset} ({event.type}) from {source}."
    sql_model = about["sql_model"] or about["sql_model_id"] or "a SQL model"
    sync = about["sync"] or about["sync_id"] or "a sync"
    return f"Row {about['row_key']} of SQL model “{sql_model}”, sent by sync “{sync}” from {source}."


def _describe_prediction(said: Mapping[str, Any], event: StoredEvent) -> str:
    return f"Prediction “{said['prediction']}”, in message #{event.offset}."


def _read_context(event: StoredEvent) -> Mapping[str, Any]:
    context = orjson.loads(event.body).get("context")
    return context if isinstance(context, dict) else {}


def _read_prediction(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a prediction said with the score that a message set; empty for any other message."""
    said = context.get("prediction") if "personas" in context else None
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        return {}
    reasons = tuple((str(each["text"]), each["raises"] is True) for each in said.get("reasons", ()))
    return {
        "prediction": said["name"],
        "chance": said.get("probability"),
        "amount": said.get("amount"),
        "reasons": reasons,
    }


def _read_row(context: Mapping[str, Any]) -> dict[str, str]:
    row = context.get("reverseEtl")
    return {key: str(value) for key, value in row.items() if value is not None} if isinstance(row, dict) else {}
