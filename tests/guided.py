"""Steps of the guided setup on a small real warehouse, for the tests of everything that comes after them.

What a step leaves in a new workspace is made once and copied into the next: the steps take longer than most tests.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from tempfile import TemporaryDirectory

import duckdb

from core.clock import FixedClock
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.profiles.build import ProfileBuilder
from core.setup import guided_setup
from core.setup.guided_setup import Setup
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.syncs.sync import list_syncs
from core.traits.engine import ComputedTraitEngine
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace, open_workspace, request_access
from tests.new_home import OF_THE_TESTS, new_home

FILE = "customers.duckdb"
SQL = "SELECT id, email, phone, plan, updated_at FROM customers"


Step = Callable[..., Setup]


def _once(step: Step) -> Step:
    """Do a step where anything is set up already; in a new workspace put what it left in another."""

    @wraps(step)
    def take(workspace: Workspace, *words: str, **options: str | int) -> Setup:
        settings = {name for name in os.environ if name.startswith("ONRAMP_")} - {"ONRAMP_HOME", *OF_THE_TESTS}
        if settings or not isinstance(workspace.clock, FixedClock) or _is_used(workspace):
            return step(workspace, *words, **options)
        store, data = _make(step, workspace.now(), words, tuple(sorted(options.items())))
        (workspace.home.warehouses / FILE).write_bytes(data)
        with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(workspace.home.workspace_db)) as its:
            made.deserialize(store)
            made.backup(its)
        return guided_setup.get_setup(workspace)

    return take


def _is_used(workspace: Workspace) -> bool:
    """Say whether more was written to the store than opening it writes, or it is none that `_make` could make."""
    written = workspace.home.workspace_db.with_suffix(".db-wal")
    return not written.exists() or written.stat().st_size != _measure_new()


@cache
def _measure_new() -> int:
    with TemporaryDirectory() as folder:
        workspace = open_workspace(new_home(folder), clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
        size = workspace.home.workspace_db.with_suffix(".db-wal").stat().st_size
        workspace.close()
        return size


@cache
def _make(
    step: Step, now: datetime, words: tuple[str, ...], options: tuple[tuple[str, str | int], ...]
) -> tuple[bytes, bytes]:
    """Return the store and the warehouse's file that a step leaves."""
    with TemporaryDirectory() as folder:
        workspace = open_workspace(new_home(folder), clock=FixedClock(now))
        step(workspace, *words, **dict(options))
        workspace.close()
        copy = workspace.home.root / "copy.db"
        with closing(sqlite3.connect(workspace.home.workspace_db)) as store:
            store.execute("VACUUM INTO ?", [str(copy)])  # without a log beside it, so that memory can hold it
        return copy.read_bytes(), (workspace.home.warehouses / FILE).read_bytes()


def make_warehouse_file(workspace: Workspace, *, rows: int = 12, file: str = FILE) -> str:
    """Write a table of customers whose keys are unique and never null; return the file's name."""
    with _replacing(workspace, file) as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE customers AS SELECT 'c' || i AS id, 'c' || i || '@example.com' AS email, "
            "'+1415555' || lpad(i::VARCHAR, 4, '0') AS phone, CASE WHEN i % 2 = 0 THEN 'pro' ELSE 'basic' END AS plan, "
            "TIMESTAMPTZ '2026-11-01 08:00:00+00' + to_days(i::INTEGER) AS updated_at, MAP {'a': i} AS extras, "
            "i::INTEGER % 3 AS grp, NULL::VARCHAR AS nothing FROM range(1, ?) AS t(i)",
            [rows + 1],
        )
    return file


def change_file(workspace: Workspace, sql: str, file: str = FILE) -> None:
    """Run SQL on the warehouse's data, as its owner would."""
    with _replacing(workspace, file) as connection:
        connection.execute(sql)


@contextmanager
def _replacing(workspace: Workspace, file: str) -> Iterator[duckdb.DuckDBPyConnection]:
    # A warm child keeps the old file open for reading, and DuckDB lets nobody write to it then: a new one is put there.
    path = workspace.home.warehouses / file
    draft = path.with_suffix(".draft")
    if path.exists():
        shutil.copy(path, draft)
    with duckdb.connect(str(draft)) as connection:
        yield connection
    draft.replace(path)


def make_mapping(space_id: str | None, *, user_id: str = "id", phone: str | None = "phone") -> FieldMapping:
    """Return a complete mapping of the customers."""
    entries = [
        MappingEntry("engage_space", None, Constant(space_id)),
        MappingEntry("user_id", None, ColumnRef(user_id)),
        MappingEntry("traits", "email", ColumnRef("email")),
        MappingEntry("traits", "plan", ColumnRef("plan")),
    ]
    if phone:
        entries.append(MappingEntry("traits", "phone", ColumnRef(phone)))
    return FieldMapping(tuple(entries))


def confirm(workspace: Workspace) -> Setup:
    """Go through step 1."""
    request_access(workspace)
    return guided_setup.confirm_branch(workspace, "warehouse")


@_once
def connect(workspace: Workspace, *, rows: int = 12) -> Setup:
    """Go on to the connected warehouse."""
    confirm(workspace)
    file = make_warehouse_file(workspace, rows=rows)
    return guided_setup.connect_warehouse(workspace, kind="duckdb", name="Customers", settings={"path": file})


@_once
def define(workspace: Workspace, sql: str = SQL, *, key_column: str = "id", rows: int = 12) -> Setup:
    """Go on to the saved SQL model."""
    connect(workspace, rows=rows)
    guided_setup.preview_sql(workspace, sql)
    return guided_setup.define_sql_model(workspace, name="Customers", sql=sql, key_column=key_column)


@_once
def map_columns(workspace: Workspace, sql: str = SQL, *, key_column: str = "id", rows: int = 12) -> Setup:
    """Go on to the created mapping: step 2 is complete."""
    setup = define(workspace, sql, key_column=key_column, rows=rows)
    return guided_setup.create_mapping(workspace, make_mapping(setup.space_id))


@_once
def add_identifiers_and_traits(workspace: Workspace, *, rows: int = 12) -> Setup:
    """Go on until step 3 is complete."""
    map_columns(workspace, rows=rows)
    guided_setup.add_default_identifiers(workspace, ["user_id", "email"])
    guided_setup.add_custom_identifier(workspace, "phone")
    return guided_setup.save_traits(workspace, ["total_inbounds", "frequent_inbound_channel"])


def run_sync(workspace: Workspace) -> SyncRun:
    """Run the sync of the setup to its end."""
    if isinstance(workspace.clock, FixedClock):
        workspace.clock.advance(timedelta(minutes=1))  # runs are told apart by their time
    (sync,) = list_syncs(workspace)
    return execute_run(workspace, request_run(workspace, sync.id).id)


def build(workspace: Workspace) -> SyncRun:
    """Run the sync and bring what it sent to the profiles."""
    run = run_sync(workspace)
    (space,) = list_spaces(workspace)
    ProfileBuilder(workspace, space.id, ComputedTraitEngine()).build()
    return run


def fill(workspace: Workspace, *, rows: int = 12) -> SyncRun:
    """Go on until every row is a profile."""
    add_identifiers_and_traits(workspace, rows=rows)
    return build(workspace)
