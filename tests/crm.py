"""Syncs of any engine: of a small table of customers that a test fills, runs and reads back, or of any columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from core.destinations.store import ensure_segment_profiles
from core.events.event_log import open_event_log
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.sources.store import create_source
from core.sql_models.sql_model import save_sql_model
from core.syncs.diff.registry import get_diff_dialect
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.syncs.sync import Sync, save_sync
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace
from tests.engines import Engine

Row = tuple[int | None, str | None, int | None]


class Crm:
    """One table on an engine whose content the test sets, and syncs of it; with `is_filled` it is there already."""

    def __init__(self, workspace: Workspace, engine: Engine, *, is_filled: bool = False, **settings: Any) -> None:
        self.workspace, self.engine = workspace, engine
        number, text = engine.types["integer"], engine.types["text"]
        if not is_filled:
            engine.run(f"CREATE TABLE crm.customers (id {number}, email {text}, visits {number})")
            self.put([(1, "one@x.example", 1), (2, "two@x.example", 2)])
        record = engine.save(workspace, **settings)
        source = create_source(workspace, kind=engine.kind, name="CRM", warehouse_id=record.id)
        self.space = ensure_space(workspace)
        connect_source(workspace, self.space.id, source.id)
        self.source_id = source.id
        names = ", ".join(f"{name} AS {engine.quote(name)}" for name in ("id", "email", "visits"))
        sql = f"SELECT {names} FROM crm.customers -- all of them"
        self.model = save_sql_model(workspace, name="Customers", warehouse_id=record.id, sql=sql, key_column="id")

    def put(self, rows: Sequence[Row]) -> None:
        self.engine.fill("crm.customers", rows)

    def list_records(self, sync: Sync) -> set[str]:
        return {row[0] for row in self.engine.ask(f"SELECT record_id FROM {self.name_records(sync)}")}

    def name_records(self, sync: Sync) -> str:
        return get_diff_dialect(self.engine.kind).name_table(f"records_{sync.id}")

    def make_sync(self, name: str = "Inside", mode: str = "mirror", email: str = "email") -> Sync:
        entries = (
            MappingEntry("engage_space", None, Constant(self.space.id)),
            MappingEntry("user_id", None, ColumnRef("id")),
            MappingEntry("traits", email, ColumnRef("email")),
            MappingEntry("traits", "visits", ColumnRef("visits")),
        )
        return save_sync(
            self.workspace,
            name=name,
            sql_model_id=self.model.id,
            source_id=self.source_id,
            destination_id=ensure_segment_profiles(self.workspace).id,
            action="send_identify",
            mapping=FieldMapping(entries),
            mode=mode,
        )

    def run(self, sync: Sync) -> SyncRun:
        return execute_run(self.workspace, request_run(self.workspace, sync.id).id)

    def list_sent(self, sync: Sync) -> list[tuple[str, str, object]]:
        found = []
        for event in open_event_log(self.workspace).read(0, 100_000):
            message = orjson.loads(event.body)
            origin = message["context"]["reverseEtl"]
            if origin["syncId"] == sync.id:
                found.append((origin["operation"], origin["rowKey"], message["traits"]))
        return found


def sync_columns(workspace: Workspace, engine: Engine, sql: str, names: Sequence[str], **settings: Any) -> Sync:
    """Make a sync that mirrors a query's columns as traits; the first of them is the key and the user id."""
    record, space = engine.save(workspace, **settings), ensure_space(workspace)
    source = create_source(workspace, kind=engine.kind, name="CRM", warehouse_id=record.id)
    connect_source(workspace, space.id, source.id)
    key, *traits = names
    model = save_sql_model(workspace, name="Rows", warehouse_id=record.id, sql=sql, key_column=key)
    entries = (
        MappingEntry("engage_space", None, Constant(space.id)),
        MappingEntry("user_id", None, ColumnRef(key)),
        *(MappingEntry("traits", name, ColumnRef(name)) for name in traits),
    )
    return save_sync(
        workspace,
        name="Rows to profiles",
        sql_model_id=model.id,
        source_id=source.id,
        destination_id=ensure_segment_profiles(workspace).id,
        action="send_identify",
        mapping=FieldMapping(entries),
        mode="mirror",
    )
