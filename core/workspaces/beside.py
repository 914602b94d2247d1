"""Work on a workspace in a process of its own, which ends when whoever started it is gone.

Only its standard input ties a child to its parent: it ends when the parent closes it, and when the parent is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.log import redact
from core.workspaces.workspace import Workspace

_POLL_S = 0.2
_MAX_SAID_CHARS = 300


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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status, negative for a signal, and what went wrong, empty where nothing did."""

    status: int
    problem: str = ""


def run_beside(workspace: Workspace, module: str, *arguments: str, is_stopping: Callable[[], bool]) -> Ended | None:
    """Start it as `start_beside` does and wait for its end; kill it when it is time to stop, and return None then."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = start_beside(workspace, module, *arguments, errors=errors)
        except OSError as error:  # no memory or no process left for it
            return Ended(1, f"its process could not be started: {error.strerror}")
        with process:
            while not is_stopping():
                with suppress(subprocess.TimeoutExpired):
                    status = process.wait(_POLL_S)
                    return Ended(status, _describe_end(status, errors) if status else "")
            process.kill()
    return None


def _describe_end(status: int, errors: IO[bytes]) -> str:
    if status == -signal.SIGKILL:
        return "its process was killed, as the system does when memory runs out"
    if status < 0:
        return f"its process was ended by signal {-status} ({signal.strsignal(-status)})"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines() or ["it wrote nothing"]
    said = redact(lines[-1])[:_MAX_SAID_CHARS].rstrip(".")
    return f"its process ended with status {status}: {said}"


def watch_parent(end: Callable[[], object]) -> None:
    """Call `end`, in a thread, when the parent is gone or wants this process to end."""

    def watch() -> None:
        sys.stdin.read()
        end()

    threading.Thread(target=watch, name="watch parent", daemon=True).start()
