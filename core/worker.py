"""The background worker: sync runs that are queued, due or interrupted, then profiles; beside them the rest.

Any number may run at once.

A long delivery has its profiles built beside it, and a prediction is trained, in a process of its own.

Two workers never do the same work: each job is done under a lease in the store, and whoever finds it held goes on to
the next. A failing job is logged with its number and does not stop the others.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.building import BuilderBeside, SpaceBuilders
from core.errors import CoreError, RunInProgress
from core.events.event_log import open_event_log
from core.events.history.keep import keep_history
from core.incidents import report_incident
from core.predictions.prediction import Prediction
from core.predictions.process import run_job_beside
from core.predictions.run import list_pending, request_due_jobs
from core.privacy.job import carry_out_due
from core.profiles.build import BuildReport
from core.profiles.search_index import keep_search
from core.profiles.undo_jobs import carry_out_undos
from core.profiles_sync.run import run_due
from core.samples.live_demo import go_on
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, list_unfinished_runs
from core.syncs.schedule import request_due_runs
from core.traits.engine import ComputedTraitEngine
from core.warehouses.cancel import CancelToken
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace

IDLE_S = 1.0
ARRIVAL_S = 0.1
"""How often an idle worker looks whether messages have arrived: one look-up, where a round is many."""
BESIDE_RECORDS = 20_000  # below that the profiles are built before a process beside has started
PREDICTIONS_IDLE_S = 3.0
HISTORY_IDLE_S = 5.0
HISTORY_NICENESS = 10
HISTORY_RETRY_S = 60.0
"""After a failure, such as a full disk, which does not end within seconds."""
SEARCH_PAUSE_S = 0.05
"""Between two steps of the search index, so that profiles that are being built go first."""
SEARCH_PATIENCE_S = 10.0
"""How long a step of the search index waits for a sync or a build, whose processor time it would take."""
_LOG = logging.getLogger("onramp.worker")


@dataclass(frozen=True, slots=True)
class WorkReport:
    """What one round did. `failures` are incident numbers; the log has their traces."""

    runs: int = 0
    messages: int = 0
    failures: tuple[str, ...] = ()


class Worker:
    """Does the background work of one workspace, in rounds or in threads of its own."""

    def __init__(self, workspace: Workspace, *, idle_s: float = IDLE_S) -> None:
        self._workspace = workspace
        self._idle_s = idle_s
        self._stopping = threading.Event()
        self._cancel = CancelToken()
        self._threads: list[threading.Thread] = []
        self._is_building = False
        self._builders = SpaceBuilders(workspace)
        self._demo_rests_until = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the worker's threads are running."""
        return any(thread.is_alive() for thread in self._threads)

    def run_once(self) -> WorkReport:
        """Do what there is to do now and return when it is done."""
        report = self._work()
        failures, messages = list(report.failures), report.messages
        if self._predict(failures):  # its scores become traits
            messages += self._build(failures)
        self._attempt(self._undo_merges, failures)
        self._write_profiles(failures)
        self._attempt(self._keep_history, failures)
        self._attempt(self._delete_people, failures)
        self._attempt(lambda: keep_search(self._workspace, self._stopping.is_set), failures)
        return WorkReport(report.runs, messages, tuple(failures))

    def _work(self) -> WorkReport:
        failures: list[str] = []
        runs = 0
        self._attempt(lambda: request_due_runs(self._workspace), failures)
        self._is_building = True
        for run in list_unfinished_runs(self._workspace):
            if self._stopping.is_set():
                break
            runs += self._attempt(lambda run_id=run.id: self._execute(run_id), failures)  # type: ignore[misc]
        messages = self._build(failures)
        self._is_building = False
        return WorkReport(runs, messages, tuple(failures))

    def _build(self, failures: list[str]) -> int:
        messages = 0
        for space in list_spaces(self._workspace):
            if self._stopping.is_set():
                break
            reports: list[BuildReport] = []
            self._attempt(
                lambda space_id=space.id, out=reports: out.append(  # type: ignore[misc]
                    self._builders.build(space_id, self._stopping.is_set)
                ),
                failures,
            )
            messages += sum(report.read for report in reports)
        return messages

    def start(self) -> None:
        """Start working in threads; starting twice changes nothing."""
        if self.is_alive:
            return
        self._stopping.clear()
        loops = {
            "onramp worker": self._loop,
            "onramp history": self._history_loop,
            "onramp search": self._search_loop,
            "onramp predictions": self._predictions_loop,
            "onramp profiles": self._profiles_loop,
            "onramp undo": self._undo_loop,
        }
        self._threads = [threading.Thread(target=loop, name=name, daemon=True) for name, loop in loops.items()]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Stop after the batch in hand. What was begun is finished by the next worker."""
        self._stopping.set()
        self._cancel.cancel("The worker is stopping.")
        for thread in self._threads:
            thread.join(timeout_s)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            failures: list[str] = []
            done: list[WorkReport] = []
            known = self._find_last_offset()
            self._attempt(lambda out=done: out.append(self._work()), failures)  # type: ignore[misc]
            if any(report.runs or report.messages for report in done):
                self._stopping.wait(0.05)
            elif failures or any(report.failures for report in done):
                self._stopping.wait(self._idle_s)  # what fails is not tried again for each message that arrives
            else:
                self._wait_for_messages(known)

    def _wait_for_messages(self, known: int) -> None:
        """Wait for the time of the next round, or until there are messages beyond `known`."""
        deadline = time.monotonic() + self._idle_s
        while not self._stopping.wait(min(ARRIVAL_S, self._idle_s)):
            if time.monotonic() >= deadline or self._find_last_offset() > known:
                return

    def _find_last_offset(self) -> int:
        try:
            return open_event_log(self._workspace).last_offset()
        except (CoreError, sqlite3.Error):  # told by the round that reads the log
            return 0

    def _history_loop(self) -> None:
        # A thread of its own: closing a large day takes minutes, and profiles must not wait for it.
        if sys.platform == "linux":  # where a thread has a priority of its own; what arrives goes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HISTORY_NICENESS)
        while not self._stopping.is_set():
            failures: list[str] = []
            self._attempt(self._keep_history, failures)
            self._attempt(self._delete_people, failures)
            self._stopping.wait(HISTORY_RETRY_S if failures else HISTORY_IDLE_S)

    def _search_loop(self) -> None:
        while not self._stopping.is_set():
            failures: list[str] = []
            self._attempt(lambda: keep_search(self._workspace, self._pause_search), failures)
            self._stopping.wait(HISTORY_RETRY_S if failures else self._idle_s)

    def _profiles_loop(self) -> None:
        # A thread of its own: the first run into a warehouse takes minutes.
        while not self._stopping.is_set():
            failures: list[str] = []
            self._write_profiles(failures)
            self._stopping.wait(HISTORY_RETRY_S if failures else self._idle_s)

    def _undo_loop(self) -> None:
        # A thread of its own: a large family takes minutes, and profiles are built meanwhile.
        while not self._stopping.is_set():
            failures: list[str] = []
            self._attempt(self._undo_merges, failures)
            self._stopping.wait(HISTORY_RETRY_S if failures else self._idle_s)

    def _undo_merges(self) -> None:
        carry_out_undos(self._workspace, ComputedTraitEngine(), self._stopping.is_set)

    def _write_profiles(self, failures: list[str]) -> None:
        """Write the profiles of every space that is due to its warehouse."""
        self._attempt(lambda: run_due(self._workspace, self._cancel), failures)

    def _pause_search(self) -> bool:
        deadline = time.monotonic() + SEARCH_PATIENCE_S
        while not self._stopping.wait(SEARCH_PAUSE_S):
            if not self._is_building or time.monotonic() > deadline:
                return False
        return True

    def _predictions_loop(self) -> None:
        # A thread of its own: training takes minutes, and syncs and profiles must not wait for it.
        while not self._stopping.is_set():
            failures: list[str] = []
            self._predict(failures)
            self._stopping.wait(PREDICTIONS_IDLE_S)

    def _predict(self, failures: list[str]) -> int:
        """Do every job of a prediction that is asked for or due; return how many."""
        done = 0
        self._keep_demo(failures)
        self._attempt(lambda: request_due_jobs(self._workspace), failures)
        pending: list[Prediction] = []
        self._attempt(lambda: pending.extend(list_pending(self._workspace)), failures)
        for prediction in pending:
            if self._stopping.is_set():
                break
            done += self._attempt(
                lambda prediction_id=prediction.id: run_job_beside(  # type: ignore[misc]
                    self._workspace, prediction_id, self._stopping.is_set
                ),
                failures,
            )
        return done

    def _keep_demo(self, failures: list[str]) -> None:
        """Let the demo go on, and build what it sent before any score goes by it."""
        went_on: list[bool] = []
        if time.monotonic() < self._demo_rests_until:
            return
        if not self._attempt(lambda: went_on.append(go_on(self._workspace, self._stopping.is_set)), failures):
            self._demo_rests_until = time.monotonic() + HISTORY_RETRY_S
        while any(went_on) and not self._stopping.is_set():
            built = [
                self._attempt(
                    lambda space_id=space.id: SpaceBuilders(self._workspace).build(space_id, self._stopping.is_set),  # type: ignore[misc]
                    failures,
                )
                for space in list_spaces(self._workspace)
            ]
            if all(built) or failures:
                break
            self._stopping.wait(self._idle_s)  # somebody else builds, and may have begun before the demo went on

    def _keep_history(self) -> None:
        keep_history(self._workspace, self._stopping.is_set)

    def _delete_people(self) -> None:
        carry_out_due(self._workspace, self._stopping.is_set)

    def _execute(self, run_id: str) -> None:
        beside = BuilderBeside(self._workspace)

        def help_with(run: SyncRun) -> None:
            left = run.progress.get("due", 0) - run.progress.get("done", 0)
            if run.state is RunState.DELIVERING and left >= BESIDE_RECORDS:
                beside.start()

        try:
            execute_run(self._workspace, run_id, progress=help_with, cancel=self._cancel)
        finally:
            beside.stop()

    def _attempt(self, job: Callable[[], object], failures: list[str]) -> bool:
        try:
            job()
        except RunInProgress:
            return False  # another worker is at it
        except CoreError as error:
            failures.append(self._report(error))
            return False
        except Exception as error:  # noqa: BLE001 - one broken job must not stop the others; it is logged in full
            failures.append(self._report(error))
            return False
        return True

    def _report(self, error: Exception) -> str:
        return report_incident(error, self._workspace.now()).number
