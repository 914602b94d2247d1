"""What a server process holds: the workspace, opened once, the ingest side and the worker."""

from __future__ import annotations

import os
from functools import cached_property

from core.http.ingest import Ingest
from core.http.metrics import Metrics
from core.http.profile_gate import ProfileGate
from core.log import set_up_logging
from core.worker import Worker
from core.workspaces.workspace import Workspace, open_workspace


class Process:
    """One server process, on the workspace in `home` (else `ONRAMP_HOME`)."""

    def __init__(self, home: str | None = None, *, has_worker: bool = True) -> None:
        self._home = home
        self._has_worker = has_worker and os.environ.get("ONRAMP_WORKER") != "off"

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace of `ONRAMP_HOME`, opened and migrated on first use."""
        workspace = open_workspace(self._home)
        set_up_logging(workspace.home.logs)
        return workspace

    @cached_property
    def metrics(self) -> Metrics:
        """What this process counts of itself."""
        return Metrics()

    @cached_property
    def ingest(self) -> Ingest:
        """What the tracking surface stands on."""
        return Ingest(self.workspace, self.metrics)

    @cached_property
    def profile_gate(self) -> ProfileGate:
        """What the Profile API stands on."""
        return ProfileGate(self.workspace)

    @cached_property
    def _worker(self) -> Worker | None:
        return Worker(self.workspace) if self._has_worker else None

    @property
    def is_worker_alive(self) -> bool | None:
        """Whether the worker runs; None where this process has none."""
        return None if self._worker is None else self._worker.is_alive

    def open(self) -> None:
        """Open now what is opened on first use, so that what is wrong is said before anything is served.

        Raises:
            CoreError: The home folder, the store or a setting cannot be used.
        """
        self.ingest  # noqa: B018
        self.profile_gate  # noqa: B018

    def start(self) -> None:
        """Open the workspace, and start the worker."""
        self.open()
        if self._worker is not None:
            self._worker.start()

    def stop(self) -> None:
        """Write the events that wait, and stop the worker after the batch in hand."""
        self.ingest.stop()
        if "profile_gate" in self.__dict__:  # opened by a request or by `open`
            self.profile_gate.stop()
        if self._worker is not None:
            self._worker.stop()
