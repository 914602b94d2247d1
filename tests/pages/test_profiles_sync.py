"""The page of Profiles Sync (spec/profiles.md 6): empty, set up, run, failed."""

from __future__ import annotations

from core.profiles_sync.run import run_profiles_sync
from core.profiles_sync.store import find_profiles_sync, list_profiles_syncs
from core.warehouses.store import list_warehouses
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace
from tests import guided
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import press, read, read_plain, read_table


def test_without_a_space_or_a_warehouse_the_page_says_what_is_missing(workspace: Workspace, visit: Visit) -> None:
    assert "There are no profiles yet" in read(visit("profiles_sync.py"))
    ensure_space(workspace)
    assert "No warehouse is connected yet" in read(visit("profiles_sync.py"))


def test_it_is_set_up_run_and_shows_what_was_written(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace)
    app = press(visit("profiles_sync.py"), "Start writing")
    (sync,) = list_profiles_syncs(workspace)
    assert "The next run is due" in read(app) and "No run yet" in read(app)
    run = run_profiles_sync(workspace, sync.id)
    assert run.rows["profile_traits"] == 12
    app = visit("profiles_sync.py")
    assert "schema" in read(app) and "Every hour" in read(app)
    table = read_table(app, "Rows written")
    assert dict(zip(table["Table"], table["Rows written"], strict=True)) == run.rows
    assert "order_completed" in read(app)
    feed = Feed(workspace, ())
    for total in (5, "*much*"):
        feed.track("c1", "Paid *at once*", {"total": total})
        feed.build()
        run_profiles_sync(workspace, sync.id)
    app = visit("profiles_sync.py")
    assert "paid_at_once.total is NULL in 1 row: what was sent is no number." in read_plain(app)
    press(app, "Write now")
    assert "The next run is due" in read(app)
    app.selectbox(key="sync_interval").select(0).run()
    assert find_profiles_sync(workspace, sync.space_id).interval_minutes is None  # type: ignore[union-attr]
    assert "Manual" in read_plain(app)


def test_a_failed_run_says_why_and_what_to_do(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace)
    press(visit("profiles_sync.py"), "Start writing")
    (sync,) = list_profiles_syncs(workspace)
    (record,) = list_warehouses(workspace)
    (workspace.home.warehouses / str(record.settings["path"])).unlink()
    run_profiles_sync(workspace, sync.id)
    app = visit("profiles_sync.py")
    assert "is gone" in app.error[0].value and "Put the file back" in app.error[0].value
