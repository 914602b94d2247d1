"""Does one job in a process of its own: `python -m core.predictions.process HOME PREDICTION`.

Training takes memory and processors for a while; what a page or a profile waits for goes on beside it, and what the
training took is given back when the process ends. It ends with its standard input: when whoever started it is gone; the
job is then started again by the next worker. It may be killed at any moment, and where it ends before the job does, the
prediction says how, and is tried again a minute later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress

from core.errors import CoreError, RunInProgress
from core.log import set_up_logging
from core.predictions.run import give_back_attempt, put_off, run_job
from core.predictions.store import get_prediction
from core.workspaces.beside import run_beside, watch_parent
from core.workspaces.workspace import Workspace, open_workspace

NICENESS = 10
TRY_LATER = os.EX_TEMPFAIL
"""The exit status where the fault is not the prediction's, such as a full disk."""


def run_job_beside(workspace: Workspace, prediction_id: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Do the job in a process of its own and wait for its end. How the job ended stands on the prediction.

    Raises:
        RunInProgress: Another process is at it.
        InternalError: The process ended, or did not start, before the job was done; it is put off.
    """
    before = get_prediction(workspace, prediction_id)
    ended = run_beside(workspace, "core.predictions.process", prediction_id, is_stopping=is_stopping)
    if ended is None:
        give_back_attempt(workspace, prediction_id)
    elif ended.status:
        put_off(workspace, before, ended.problem, is_counted=ended.status != TRY_LATER)


def main(home: str, prediction_id: str) -> int:
    """Do the job, if nobody else is at it. Returns 0 where nothing is left to do, be it that the job has failed."""
    watch_parent(lambda: os._exit(1))
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        workspace = open_workspace(home)
        set_up_logging(workspace.home.logs)
        with closing(workspace):
            run_job(workspace, prediction_id)
    except RunInProgress:
        return 0
    except CoreError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return TRY_LATER if error.retryable else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
