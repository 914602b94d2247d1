"""How long events are kept is a setting of the workspace, and its changes are in the audit trail."""

from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.workspaces.audit import list_changes
from core.workspaces.retention import get_keep_days, set_keep_days
from core.workspaces.workspace import Workspace


def test_events_are_kept_for_ever_unless_somebody_says_otherwise(store_workspace: Workspace) -> None:
    assert get_keep_days(store_workspace) is None
    set_keep_days(store_workspace, None)
    assert not list_changes(store_workspace)


def test_a_change_is_saved_and_audited_with_what_was_before(store_workspace: Workspace) -> None:
    set_keep_days(store_workspace, 90)
    set_keep_days(store_workspace, 30)
    assert get_keep_days(store_workspace) == 30
    newest = list_changes(store_workspace)[0]
    assert (newest.object_type, newest.before, newest.after) == (
        "workspace", {"keep_events_days": 90}, {"keep_events_days": 30},
    )  # fmt: skip


@pytest.mark.parametrize("days", [0, -1, 6, 3_651])
def test_a_number_of_days_out_of_bounds_is_refused_and_changes_nothing(workspace: Workspace, days: int) -> None:
    with pytest.raises(InvalidField, match="cannot be kept"):
        set_keep_days(workspace, days)
    assert get_keep_days(workspace) is None
