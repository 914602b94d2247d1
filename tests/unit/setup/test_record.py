from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import VersionConflict
from core.setup.record import acting, read_record, update_record
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace


def test_a_new_workspace_has_an_empty_setup_of_version_0(workspace: Workspace) -> None:
    record = read_record(workspace)
    assert (record.branch, record.confirmed_at, dict(record.state), record.version) == (None, None, {}, 0)


def test_each_change_makes_a_new_version_and_no_change_makes_none(workspace: Workspace) -> None:
    first = update_record(workspace, lambda now: now.with_state(warehouse_id="wh_1"))
    assert first.version == 1
    assert update_record(workspace, lambda now: now.with_state(warehouse_id="wh_1")).version == 1
    assert update_record(workspace, lambda now: now.with_state(warehouse_id=None)).version == 2
    assert read_record(workspace).get_id("warehouse_id") is None


def test_a_stale_version_is_refused_and_what_was_typed_comes_back(workspace: Workspace) -> None:
    update_record(workspace, lambda now: now.with_draft(sql="SELECT 1"))
    with pytest.raises(VersionConflict, match="changed in another browser") as caught:
        update_record(
            workspace, lambda now: now.with_draft(sql="SELECT 2"), expected_version=0, typed={"sql": "SELECT 2"}
        )
    assert caught.value.context == {"expected_version": 0, "version": 1, "typed": {"sql": "SELECT 2"}}
    assert read_record(workspace).draft == {"sql": "SELECT 1"}


def test_a_stale_action_is_refused_before_it_makes_anything(workspace: Workspace) -> None:
    update_record(workspace, lambda now: replace(now, branch="warehouse"))
    with pytest.raises(VersionConflict), acting(workspace, 0, {"name": "x"}):
        pytest.fail("the action ran")


def test_drafts_are_kept_apart_and_removed_by_none(workspace: Workspace) -> None:
    update_record(workspace, lambda now: now.with_draft(sql="SELECT 1", mode="upsert"))
    record = update_record(workspace, lambda now: now.with_draft(sql=None))
    assert record.draft == {"mode": "upsert"}


def test_changes_are_audited_but_drafts_are_not(workspace: Workspace) -> None:
    update_record(workspace, lambda now: now.with_draft(sql="SELECT 1"), audited=False)
    update_record(workspace, lambda now: now.with_state(warehouse_id="wh_1"))
    changes = list_changes(workspace, object_type="setup")
    assert len(changes) == 1
    assert changes[0].after == {"branch": None, "confirmed": False, "warehouse_id": "wh_1"}
