"""Profiles of every space, built here or beside: in a process of its own while a sync delivers.

Two threads of one process would take turns, because building and delivering are both work in Python. The process beside
builds what is in the log already, again and again, until its standard input ends: when it is told so, or when whoever
started it is gone. It may be killed at any moment, as any builder may.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from core.errors import RunInProgress
from core.profiles.build import BuildReport, ProfileBuilder, Progress
from core.profiles.counts import roll_up
from core.profiles.group_calls import follow_group_calls
from core.traits.engine import ComputedTraitEngine
from core.traits.expiry import expire_values
from core.workspaces.beside import start_beside, watch_parent
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace, open_workspace

ROUND_MESSAGES = 20_000
IDLE_S = 0.2
STOP_TIMEOUT_S = 20.0


class SpaceBuilders:
    """The builders of a workspace's spaces, kept from one round to the next: a builder knows where it left off."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._builders: dict[str, ProfileBuilder] = {}

    def build(self, space_id: str, is_stopping: Callable[[], bool]) -> BuildReport:
        """Build a space up to the end of the log, or until it is time to stop; then what follows or is due by time.

        Between two rounds another process may have the space.

        Raises:
            RunInProgress: Another process builds this space.
        """
        builder = self._builders.get(space_id)
        if builder is None:
            builder = self._builders[space_id] = ProfileBuilder(self._workspace, space_id, ComputedTraitEngine())
        read = offset = 0
        while not is_stopping():
            report = builder.build(max_messages=ROUND_MESSAGES)
            read, offset = read + report.read, report.offset
            follow_group_calls(self._workspace, space_id)  # in every round: a rebuild has very many
            if report.read < ROUND_MESSAGES:
                break
        expire_values(self._workspace, space_id, is_stopping)
        roll_up(self._workspace, space_id)
        return BuildReport(read, offset=offset)


def build_space(
    workspace: Workspace, space_id: str, progress: Progress | None = None, *, wait_s: float = 0.0
) -> BuildReport:
    """Build the profiles of one space to the end of the log, in one go; then what follows or is due by time.

    `wait_s` is how long to wait for another process that builds this space and pauses now and then.

    Raises:
        RunInProgress: Another process builds this space.
    """

    def tell(report: BuildReport) -> None:
        follow_group_calls(workspace, space_id)  # nobody else does so meanwhile
        if progress is not None:
            progress(report)

    report = ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build(progress=tell, wait_s=wait_s)
    follow_group_calls(workspace, space_id)
    expire_values(workspace, space_id, wait_s=wait_s)
    roll_up(workspace, space_id)
    return report


class BuilderBeside:
    """The process beside; none is running until `start`, nor after `stop`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; starting twice changes nothing."""
        with self._lock:
            # what fails there fails again where the rest is built, and is logged there
            self._process = self._process or start_beside(self._workspace, "core.building")

    def stop(self) -> None:
        """Let it finish the batch in hand and wait for its end."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(home: str) -> None:
    """Build until standard input ends."""
    over = threading.Event()
    watch_parent(over.set)
    workspace = open_workspace(home)
    builders = SpaceBuilders(workspace)
    while not over.is_set():
        reports = []
        for space in list_spaces(workspace):
            with suppress(RunInProgress):
                reports.append(builders.build(space.id, over.is_set))
        if not any(report.read for report in reports):
            over.wait(IDLE_S)
    workspace.close()


if __name__ == "__main__":
    main(sys.argv[1])
