"""Does one job in a process of its own: `python -m core.predictions.process HOME PREDICTION`.

Training takes memory and processors for a while; what a page or a profile waits for goes on beside it, and what the
training took is given back when the process ends. It ends with its standard input: when whoever started it is gone; the
job is then started again by the next worker. It may be killed at any moment, and where it ends before the job does, the
prediction says how, and is tried again a minute later.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from typing import IO

from core.errors import CoreError, RunInProgress
from core.log import redact, set_up_logging
from core.predictions.run import give_back_attempt, put_off, run_job
from core.predictions.store import get_prediction
from core.workspaces.beside import run_beside, watch_parent
from core.workspaces.workspace import Workspace, open_workspace

NICENESS = 10
TRY_LATER = os.EX_TEMPFAIL
"""The exit status where the fault is not the prediction's, such as a full disk."""
MAX_SAID_CHARS = 300
_MODULE = "core.predictions.process"


def run_job_beside(workspace: Workspace, prediction_id: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Do the job in a process of its own and wait for its end. How the job ended stands on the prediction.

    Raises:
        RunInProgress: Another process is at it.
        InternalError: The process ended, or did not start, before the job was done; it is put off.
    """
    before = get_prediction(workspace, prediction_id)
    with tempfile.TemporaryFile() as errors:
        try:
            status = run_beside(workspace, _MODULE, prediction_id, is_stopping=is_stopping, errors=errors)
        except OSError as error:  # no memory or no process left for it
            put_off(workspace, before, f"its process could not be started: {error.strerror}")
            return
        if status is None:
            give_back_attempt(workspace, prediction_id)
        elif status:
            put_off(workspace, before, _describe_end(status, errors), is_counted=status != TRY_LATER)


def _describe_end(status: int, errors: IO[bytes]) -> str:
    if status == -signal.SIGKILL:
        return "its process was killed, as the system does when memory runs out"
    if status < 0:
        return f"its process was ended by signal {-status} ({signal.strsignal(-status)})"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines() or ["it wrote nothing"]
    return f"its process ended with status {status}: {redact(lines[-1])[:MAX_SAID_CHARS]}"


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
