"""What the search index has followed is passed on to a profiles sync: each profile once, until a run has written it."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pytest

from core.profiles import passed_on
from core.profiles.changes import forget_changes, note_changes, read_changes, read_version
from core.profiles_sync.store import remove_profiles_sync, set_up_profiles_sync
from core.storage.tables import profiles_sync_changes
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace


def test_a_run_sees_what_changed_since_and_a_change_while_it_runs_stays(
    store_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passed_on, "MAX_PROFILES", 4)
    database, space_id = store_workspace.database, ensure_space(store_workspace).id
    duckdb.connect(str(store_workspace.home.warehouses / "x.duckdb")).close()
    warehouse = save_warehouse(store_workspace, kind="duckdb", name="Local", settings={"path": "x.duckdb"})
    sync_id = set_up_profiles_sync(store_workspace, space_id, warehouse.id).id

    def change(*profile_ids: str) -> int:
        with database.transaction() as connection:
            note_changes(connection, space_id, profile_ids)
            return read_version(connection, space_id)

    def follow() -> None:
        """Do what the search index does."""
        with database.transaction() as connection:
            changes = read_changes(connection, space_id, max_profiles=100)
            passed_on.pass_on(connection, space_id, changes)
            forget_changes(connection, changes.rows)

    def see() -> Collection[str] | None:
        with database.reading() as connection:
            return passed_on.read_passed_on(connection, sync_id, space_id)

    def finish(version: int) -> None:
        with database.transaction() as connection:
            passed_on.forget_passed_on(connection, sync_id, version)

    assert see() is None  # the first run goes through all
    finish(0)
    assert see() == set()
    change("a", "b")
    assert see() == {"a", "b"}  # what the index has not followed
    follow()
    began = change("c")
    assert see() == {"a", "b", "c"}
    change("b")
    follow()
    finish(began)
    assert see() == {"b", "c"}  # followed with the later change: one more look
    finish(began + 1)
    assert see() == set()
    change("a", "b", "c", "d", "e")
    assert see() is None
    follow()
    assert see() is None
    last = change("f")
    finish(last)
    follow()
    assert see() == {"f"}
    remove_profiles_sync(store_workspace, sync_id)
    follow()
    with database.reading() as connection:
        assert connection.execute(profiles_sync_changes.select()).all() == []
