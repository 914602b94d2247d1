"""One run of a sync, in a process of its own: python one_run.py HOME SYNC_ID.

Prints a line when everything is imported and open, waits for a line, runs, and prints what it held as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from peak import read_peak_mb

from core.syncs.engine import execute_run
from core.syncs.run import request_run
from core.warehouses.sandbox_pool import get_pool
from core.workspaces.workspace import open_workspace


def main(home: str, sync_id: str) -> None:
    """Run the sync and print."""
    workspace = open_workspace(home)
    at_start = read_peak_mb()
    print("ready", flush=True)
    sys.stdin.readline()
    run = execute_run(workspace, request_run(workspace, sync_id).id)
    if run.sheet is None or not run.sheet.closes:
        raise SystemExit(f"the run did not close its sheet: {run.state} {run.error} {run.sheet}")
    children = [read_peak_mb(child.pid) for child in get_pool().list_children("idle")]
    found = {"start_mb": at_start, "peak_mb": read_peak_mb(), "child_mb": max(children, default=0)}
    print(json.dumps({**found, "delivered": run.sheet.delivered, "unchanged": run.sheet.unchanged}))
    workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
