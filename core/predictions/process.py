"""Does one job in a process of its own: `python -m core.predictions.process HOME PREDICTION`.

Training takes memory and processors for a while; what a page or a profile waits for goes on beside it, and what the
training took is given back when the process ends. It ends with its standard input: when whoever started it is gone; the
job is then started again by the next worker. It may be killed at any moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.errors import CoreError
from core.log import set_up_logging
from core.predictions.run import give_back_attempt, run_job
from core.workspaces.workspace import Workspace, open_workspace

NICENESS = 10
_POLL_S = 0.2


def run_beside(workspace: Workspace, prediction_id: str, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Do the job in a process of its own and wait for its end; return its exit status, negative for a signal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.predictions.process", str(workspace.home.root.resolve()), prediction_id],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "ONRAMP_DATABASE_URL": workspace.database.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the parent
    )
    is_stopped = False
    with process:  # closes its standard input in the end
        while (status := _wait(process)) is None:
            if is_stopping():
                is_stopped = True
                process.kill()
    if is_stopped:
        give_back_attempt(workspace, prediction_id)
    return status


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return None


def main(home: str, prediction_id: str) -> int:
    """Do the job, if nobody else is at it."""
    threading.Thread(target=_end_with_parent, name="watch parent", daemon=True).start()
    with suppress(OSError):
        os.nice(NICENESS)
    workspace = open_workspace(home)
    set_up_logging(workspace.home.logs)
    try:
        run_job(workspace, prediction_id)
    except CoreError:  # it is written on the prediction, or another process is at it
        return 1
    finally:
        workspace.close()
    return 0


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
