"""Work on a workspace in a process of its own, which ends when whoever started it is gone.

Only its standard input ties a child to its parent: it ends when the parent closes it, and when the parent is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from core.workspaces.workspace import Workspace

_POLL_S = 0.2


def start_beside(
    workspace: Workspace, module: str, *arguments: str, errors: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE HOME ARGUMENTS...` on the same folder and store.

    Args:
        workspace: Whose folder and store.
        module: Calls `watch_parent` first.
        arguments: What it is told after the folder.
        errors: A file for what it writes to standard error; thrown away without one.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, str(workspace.home.root.resolve()), *arguments],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "ONRAMP_DATABASE_URL": workspace.database.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors or subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the parent
    )


def run_beside(
    workspace: Workspace,
    module: str,
    *arguments: str,
    is_stopping: Callable[[], bool],
    errors: IO[bytes] | None = None,
) -> int | None:
    """Start it as `start_beside` does and wait for its end; kill it when it is time to stop.

    Returns:
        Its exit status, negative for a signal; None where it was stopped.
    """
    with start_beside(workspace, module, *arguments, errors=errors) as process:
        while not is_stopping():
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_S)
        process.kill()
    return None


def watch_parent(end: Callable[[], object]) -> None:
    """Call `end`, in a thread, when the parent is gone or wants this process to end."""

    def watch() -> None:
        sys.stdin.read()
        end()

    threading.Thread(target=watch, name="watch parent", daemon=True).start()
