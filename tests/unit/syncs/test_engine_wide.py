"""Rows of several kilobytes each: more than a sync has memory for at first, and delivered all the same."""

from __future__ import annotations

import pytest

from core.syncs import state_file
from core.syncs.engine import plan
from core.syncs.run import RunState
from core.syncs.sync import list_syncs
from core.workspaces.workspace import Workspace
from tests import guided

ROWS = 2_500


def test_a_table_of_wide_rows_is_planned_and_delivered(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "MEMORY_STEPS_MB", (24, 384))
    limits: list[int] = []
    set_limit = state_file.StateFile._limit_memory
    monkeypatch.setattr(
        state_file.StateFile, "_limit_memory", lambda file, limit: (limits.append(limit), set_limit(file, limit))
    )
    guided.map_columns(workspace)
    guided.change_file(
        workspace,
        "CREATE OR REPLACE TABLE customers AS SELECT 'c' || i AS id, 'c' || i || '@example.com' AS email, "
        "rpad(i::VARCHAR, 16000, '0123456789 ') AS phone, 'pro' AS plan, "
        f"TIMESTAMPTZ '2026-11-01 08:00:00+00' AS updated_at FROM range({ROWS}) AS t(i)",
    )
    (sync,) = list_syncs(workspace)
    assert plan(workspace, sync.id).added == ROWS
    assert limits == [24, 384], "the first did not suffice"
    run = guided.run_sync(workspace)
    assert run.state is RunState.SUCCEEDED, run.error
    assert run.sheet is not None and run.sheet.delivered == ROWS
    assert limits == [24, 384, 384], "it is remembered"
