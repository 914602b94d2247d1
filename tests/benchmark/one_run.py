"""One run of a sync in which nothing changes: python one_run.py HOME SYNC_ID; prints peak memory in MB."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.syncs.engine import execute_run
from core.syncs.run import request_run
from core.workspaces.workspace import open_workspace


def read_peak_mb() -> int:
    """Return the most memory that this process ever had resident.

    From /proc and not from getrusage, whose figure a child inherits from the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main(home: str, sync_id: str) -> None:
    """Run the sync and print."""
    workspace = open_workspace(home)
    at_start = read_peak_mb()
    run = execute_run(workspace, request_run(workspace, sync_id).id)
    if run.sheet is None or run.sheet.unchanged != run.sheet.extracted:
        raise SystemExit(f"the run was not unchanged: {run}")
    print(at_start, read_peak_mb())
    workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
