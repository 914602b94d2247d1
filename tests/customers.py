"""A small warehouse and a sync of it to Segment Profiles, for the tests of syncs and of what runs them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import orjson

from core.destinations.store import ensure_segment_profiles
from core.events.event_log import open_event_log
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.sources.store import create_source
from core.sql_models.sql_model import save_sql_model
from core.syncs import engine
from core.syncs.run import SyncRun, request_run
from core.syncs.sync import save_sync
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace

_COLUMNS = "CREATE TABLE customers (id VARCHAR, email VARCHAR, visits INTEGER)"


@lru_cache(16)
def _make_file(columns: str, rows: Sequence[tuple[str | None, str | None, int | None]]) -> bytes:
    """Return a warehouse's file with these rows: to copy it takes a small part of what making it takes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "customers.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(columns)
            if rows:
                connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", [list(row) for row in rows])
        return path.read_bytes()


class Customers:
    """A warehouse with one table whose content the test sets, and a sync of it."""

    def __init__(self, workspace: Workspace, mode: str = "mirror") -> None:
        self.workspace = workspace
        self.put([("a", "A@x.example", 1), ("b", "b@x.example", 2)])
        record = save_warehouse(workspace, kind="duckdb", name="Customers", settings={"path": "customers.duckdb"})
        source = create_source(workspace, kind="duckdb", name="Customers", warehouse_id=record.id)
        space = ensure_space(workspace)
        connect_source(workspace, space.id, source.id)
        self.source_id = source.id
        model = save_sql_model(
            workspace, name="Customers", warehouse_id=record.id, sql="SELECT * FROM customers", key_column="id"
        )
        self.mapping = FieldMapping(
            (
                MappingEntry("engage_space", None, Constant(space.id)),
                MappingEntry("user_id", None, ColumnRef("id")),
                MappingEntry("traits", "email", ColumnRef("email")),
                MappingEntry("traits", "visits", ColumnRef("visits")),
            )
        )
        self.sync = save_sync(
            workspace,
            name="Customers to profiles",
            sql_model_id=model.id,
            source_id=source.id,
            destination_id=ensure_segment_profiles(workspace).id,
            action="send_identify",
            mapping=self.mapping,
            mode=mode,
        )

    def put(self, rows: Sequence[tuple[str | None, str | None, int | None]], columns: str = "") -> None:
        path = self.workspace.home.warehouses / "customers.duckdb"
        draft = path.with_suffix(".draft")
        draft.write_bytes(_make_file(columns or _COLUMNS, tuple(rows)))
        draft.replace(path)

    def run(self, **options: object) -> SyncRun:
        run = request_run(self.workspace, self.sync.id)
        return engine.execute_run(self.workspace, run.id, **options)  # type: ignore[arg-type]

    def messages(self) -> list[dict[str, object]]:
        events = open_event_log(self.workspace).read(0, 100_000)
        return [orjson.loads(event.body) for event in events if event.source_id == self.source_id]

    def operations(self) -> list[tuple[str, str]]:
        origins = [message["context"]["reverseEtl"] for message in self.messages()]  # type: ignore[index]
        return [(origin["operation"], origin["rowKey"]) for origin in origins]
