"""The audit trail on both engines."""

from __future__ import annotations

import pytest

from core.workspaces.audit import list_changes, record_change
from core.workspaces.workspace import Workspace, rename_workspace


def test_a_change_says_who_when_what_before_and_after(store_workspace: Workspace) -> None:
    rename_workspace(store_workspace, "Acme")

    (change,) = list_changes(store_workspace)

    assert (change.actor, change.at) == ("local", store_workspace.now())
    assert (change.action, change.object_type) == ("updated", "workspace")
    assert (change.before, change.after) == ({"name": "My workspace"}, {"name": "Acme"})


def test_a_change_that_is_rolled_back_leaves_no_entry(store_workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), store_workspace.database.transaction() as connection:
        record_change(connection, store_workspace, "created", "source", "src_1", after={"name": "x"})
        raise RuntimeError
    assert list_changes(store_workspace) == []


def test_the_newest_come_first_and_can_be_asked_for_by_kind(store_workspace: Workspace) -> None:
    with store_workspace.database.transaction() as connection:
        for number in range(5):
            kind = "source" if number % 2 else "sync"
            record_change(connection, store_workspace, "created", kind, str(number))

    assert [change.object_id for change in list_changes(store_workspace, limit=2)] == ["4", "3"]
    assert [change.object_id for change in list_changes(store_workspace, object_type="source")] == ["3", "1"]
    assert list_changes(store_workspace)[0].before is None


def test_older_changes_come_page_by_page(store_workspace: Workspace) -> None:
    with store_workspace.database.transaction() as connection:
        for number in range(5):
            record_change(connection, store_workspace, "created", "sync", str(number))
    newest = list_changes(store_workspace, limit=3)
    older = list_changes(store_workspace, limit=3, before=newest[-1].id)
    assert [change.object_id for change in (*newest, *older)] == ["4", "3", "2", "1", "0"]
