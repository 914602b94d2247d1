"""A workspace with one sync of a big embedded table, made by the same calls as the pages make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from core.destinations.store import ensure_segment_profiles
from core.identity.rules import add_identifiers
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.sources.store import create_source
from core.sql_models.sql_model import save_sql_model
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.syncs.sync import Sync, save_sync
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import Space, connect_source, ensure_space
from core.workspaces.workspace import Workspace, open_workspace

SQL = "SELECT id, email, first_name, city, orders, amount, is_member, changed_at FROM customers"
TRAITS = ("email", "first_name", "city", "orders", "amount", "is_member")


@dataclass(frozen=True)
class BigSync:
    """The opened workspace, the sync and the file that it reads."""

    workspace: Workspace
    space: Space
    sync: Sync
    path: Path

    def run(self) -> SyncRun:
        """Run the sync to its end, here and now."""
        return execute_run(self.workspace, request_run(self.workspace, self.sync.id).id)


def start_run(big: BigSync) -> subprocess.Popen[str]:
    """Return a fresh process that is ready to run the sync, and does so when it is sent a line."""
    command = [sys.executable, str(Path(__file__).with_name("one_run.py")), str(big.workspace.home.root), big.sync.id]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@contextmanager
def open_big_sync(rows: int) -> Iterator[BigSync]:
    """Yield a sync of `rows` customers to Segment Profiles, never run; everything is deleted afterwards."""
    with TemporaryDirectory(prefix="onramp-bench-") as folder:
        workspace = open_workspace(folder)
        path = workspace.home.warehouses / "big.duckdb"
        make_table(path, rows)
        try:
            space, sync = set_up_sync(workspace, "duckdb", {"path": "big.duckdb"}, sql=SQL, traits=TRAITS)
            yield BigSync(workspace, space, sync, path)
        finally:
            workspace.close()


def make_table(path: Path, rows: int) -> None:
    """Write `rows` customers, 8 columns, some of them null."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"""
            CREATE TABLE customers AS
            SELECT 'c' || lpad(i::VARCHAR, 9, '0') AS id,
                   CASE WHEN i % 17 <> 0 THEN 'person' || i || '@example.com' END AS email,
                   ['Jürgen', 'Ann', 'O"Brien', 'Đặng', '山田'][1 + i % 5] AS first_name,
                   'City ' || i % 400 AS city,
                   i % 90 AS orders,
                   ((i * 37) % 1000000 / 100)::DECIMAL(12, 2) AS amount,
                   i % 2 = 0 AS is_member,
                   TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_seconds(i) AS changed_at
            FROM range({rows}) t(i)
        """)


def set_up_sync(
    workspace: Workspace,
    kind: str,
    settings: dict[str, object],
    *,
    sql: str,
    traits: Sequence[str],
    secrets: dict[str, str] | None = None,
) -> tuple[Space, Sync]:
    """Return the space and a new sync of the rows of that query, which has an `id`, a `changed_at` and the traits."""
    space = ensure_space(workspace)
    add_identifiers(workspace, space.id, ["user_id", "email"])
    warehouse = save_warehouse(workspace, kind=kind, name="Big", settings=settings, secrets=secrets)
    model = save_sql_model(workspace, name="Customers", warehouse_id=warehouse.id, sql=sql, key_column="id")
    source = create_source(workspace, kind=kind, name="Big", warehouse_id=warehouse.id)
    connect_source(workspace, space.id, source.id)
    mapping = FieldMapping(
        (
            MappingEntry("engage_space", None, Constant(space.id)),
            MappingEntry("user_id", None, ColumnRef("id")),
            MappingEntry("timestamp", None, ColumnRef("changed_at")),
            *(MappingEntry("traits", column, ColumnRef(column)) for column in traits),
        )
    )
    sync = save_sync(
        workspace,
        name="Customers to profiles",
        sql_model_id=model.id,
        source_id=source.id,
        destination_id=ensure_segment_profiles(workspace).id,
        action="send_identify",
        mapping=mapping,
        mode="mirror",
    )
    return space, sync
