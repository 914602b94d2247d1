"""Schedules: which syncs are due, and asking for their runs. A slot that was missed is made up once, not per slot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.errors import RunInProgress
from core.syncs.pause import find_pause
from core.syncs.run import SyncRun, request_run
from core.syncs.sync import Sync, list_syncs, move_schedule
from core.workspaces.workspace import Workspace


def due_syncs(workspace: Workspace, now: datetime) -> Sequence[Sync]:
    """Return the enabled syncs whose time has come; a paused one waits, and is due at once when its pause ends."""
    return [
        sync
        for sync in list_syncs(workspace)
        if sync.enabled
        and sync.next_run_at is not None
        and sync.next_run_at <= now
        and find_pause(workspace, sync) is None
    ]


def request_due_runs(workspace: Workspace) -> Sequence[SyncRun]:
    """Queue a run for every sync that is due, and move each one's schedule on.

    A sync that is still running is not queued again; its next slot comes one interval from now.
    """
    queued = []
    for sync in due_syncs(workspace, workspace.now()):
        try:
            queued.append(request_run(workspace, sync.id, "schedule"))
        except RunInProgress:
            continue
        finally:
            move_schedule(workspace, sync)
    return queued
