"""Profiles Sync into an embedded warehouse: the first run, runs with nothing new, a hundredth and one profile changed.

A run with one changed takes turns with one that compares all profiles.

Against bare DuckDB, which inserts the same rows from Arrow in the same run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import report
from bench_profile_api import fill
from sqlalchemy import bindparam, select, update

from core.profiles.changes import note_changes
from core.profiles.passed_on import pass_on_everything
from core.profiles_sync.layout import CURRENT
from core.profiles_sync.run import run_profiles_sync
from core.profiles_sync.store import ProfilesRunState, set_up_profiles_sync
from core.storage.tables import profiles
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace

TURNS = 3


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    arguments = report.make_parser(__doc__, rows=100_000).parse_args(argv)
    found = report.Report(f"profiles sync, {arguments.rows:,} profiles, three identifiers and ten traits each")
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(str(Path(folder) / "home"))
        space_id = ensure_space(workspace).id
        fill(workspace, space_id, arguments.rows)
        path = workspace.home.warehouses / "profiles.duckdb"
        duckdb.connect(str(path)).close()
        warehouse = save_warehouse(workspace, kind="duckdb", name="Local", settings={"path": path.name})
        sync = set_up_profiles_sync(workspace, space_id, warehouse.id)
        first_s, rows = _run(workspace, sync.id)
        found.add(report.Measurement("first run", first_s, arguments.rows, note=f"{rows:,} rows"))
        again_s, rows = _run(workspace, sync.id)
        found.add(report.Measurement("nothing changed", again_s, arguments.rows, note=f"{rows:,} rows"))
        _touch(workspace, space_id, arguments.rows // 100)
        some_s, rows = _run(workspace, sync.id)
        found.add(report.Measurement("a hundredth changed", some_s, arguments.rows, note=f"{rows:,} rows"))
        for turn in range(TURNS):
            for label, is_whole in (("one changed", False), ("one changed, all are compared", True)):
                _touch(workspace, space_id, 1)
                if is_whole:
                    with workspace.database.transaction() as connection:
                        pass_on_everything(connection, sync.id)
                one_s, rows = _run(workspace, sync.id)
                found.add(report.Measurement(f"{label}, turn {turn + 1}", one_s, arguments.rows, note=f"{rows:,} rows"))
        bare_s = _copy_bare(path)
        found.add(report.Measurement("bare DuckDB, the same rows", bare_s, arguments.rows))
        found.ratios["first run, of bare DuckDB"] = first_s / bare_s
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _run(workspace: Workspace, sync_id: str) -> tuple[float, int]:
    started = time.perf_counter()
    run = run_profiles_sync(workspace, sync_id)
    if run.state is not ProfilesRunState.SUCCEEDED:
        raise SystemExit(f"the run failed: {run.error}")
    return time.perf_counter() - started, sum(run.rows.values())


def _touch(workspace: Workspace, space_id: str, people: int) -> None:
    with workspace.database.transaction() as connection:
        ids = (
            connection.execute(select(profiles.c.id).where(profiles.c.space_id == space_id).limit(people))
            .scalars()
            .all()
        )
        is_one = profiles.c.id == bindparam("profile_id")
        changed = (
            update(profiles).where(profiles.c.space_id == space_id, is_one).values(updated_at=profiles.c.updated_at + 1)
        )
        connection.execute(changed, [{"profile_id": each} for each in ids])
        note_changes(connection, space_id, ids)


def _copy_bare(path: Path) -> float:
    """Return how long DuckDB takes to insert the rows of the current tables from Arrow into tables of the same file."""
    with duckdb.connect(str(path)) as connection:
        rows = {table.name: connection.sql(f"FROM unified_profiles.{table.name}").to_arrow_table() for table in CURRENT}
        started = time.perf_counter()
        for name, table in rows.items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE bare_{name} AS FROM incoming")
        connection.execute("CHECKPOINT")
        return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
