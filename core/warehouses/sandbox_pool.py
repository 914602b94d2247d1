"""Warm sandbox children: one spare is always started; a child that answered waits for the next query on its file."""

from __future__ import annotations

import atexit
import functools
import os
import threading
from pathlib import Path
from typing import Literal

from core.errors import QueryCancelled, QueryTimeout
from core.warehouses.cancel import CancelToken
from core.warehouses.sandbox_process import SandboxLimits, SandboxProcess
from core.warehouses.stopping import Budget

MAX_RUNNING = 8
MAX_IDLE_PER_FILE = 2
MAX_IDLE = 6
WAIT_STEP_S = 0.1


class SandboxPool:
    """Children by the file that they have open. Safe to share between threads."""

    def __init__(self, limits: SandboxLimits | None = None, max_running: int = MAX_RUNNING) -> None:
        self._limits = limits or SandboxLimits()
        self._places = threading.BoundedSemaphore(max_running)
        self._max_running = max_running
        self._lock = threading.Lock()
        self._idle: list[SandboxProcess] = []
        self._spare: SandboxProcess | None = None
        self._running: set[SandboxProcess] = set()

    def warm_up(self) -> None:
        """Start the spare child, so that the first query need not wait for a cold start."""
        with self._lock:
            self._start_spare()

    def acquire(self, path: Path, budget: Budget, cancel: CancelToken) -> SandboxProcess:
        """Return a child for `path`; give it back with `release`.

        Raises:
            QueryTimeout: Every place stayed taken for as long as the query may take.
            QueryCancelled: Somebody cancelled while it waited for a place.
            FileNotFoundError: The file is gone.
        """
        identity = _identify(path)
        self._take_place(budget, cancel)
        try:
            with self._lock:
                process = self._take(path, identity) or self._take_spare()
                process.path, process.identity = path, identity
                self._running.add(process)
                self._start_spare()
        except BaseException:
            self._places.release()
            raise
        return process

    def release(self, process: SandboxProcess) -> None:
        """Take a child back: one that answered to the end waits for the next query, any other dies now."""
        leaving = [process]
        with self._lock:
            self._running.discard(process)
            same = sum(other.path == process.path for other in self._idle)
            if process.idle and process.alive and same < MAX_IDLE_PER_FILE:
                # The one that has waited longest makes room: its file may not even exist any more.
                self._idle.append(process)
                leaving = [self._idle.pop(0)] if len(self._idle) > MAX_IDLE else []
        for each in leaving:
            each.kill()
        self._places.release()

    def release_file(self, path: Path) -> None:
        """Close every waiting child of `path`, so that the file can be written or replaced at once."""
        with self._lock:
            mine = [process for process in self._idle if process.path == path]
            self._idle = [process for process in self._idle if process.path != path]
            if self._spare is not None and self._spare.path == path:
                mine.append(self._spare)
                self._spare = None
        for process in mine:
            process.kill()

    def list_children(self, state: Literal["idle", "running", "spare"]) -> list[SandboxProcess]:
        """Return the children that wait for a query on their file, answer one, or wait for whatever file comes next."""
        with self._lock:
            spare = [self._spare] if self._spare else []
            return {"idle": list(self._idle), "running": list(self._running), "spare": spare}[state]

    def close(self) -> None:
        """Kill every child, running ones too. The pool can be used again afterwards."""
        with self._lock:
            waiting = [*self._idle, *([self._spare] if self._spare else [])]
            running = list(self._running)
            self._idle, self._spare = [], None
        for process in waiting:
            process.kill()
        for process in running:
            process.stop()  # its pipes belong to the thread that reads them

    def forget(self) -> None:
        """Drop every child without touching it: after a fork they are the other process's."""
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self._max_running)
        self._idle, self._spare, self._running = [], None, set()

    def _take_place(self, budget: Budget, cancel: CancelToken) -> None:
        while not self._places.acquire(timeout=max(0.0, min(WAIT_STEP_S, budget.left_s))):
            budget.spend(WAIT_STEP_S)
            if cancel.cancelled:
                raise QueryCancelled("The query was cancelled before it started.", hint="Run it again when you like.")
            if budget.left_s <= 0:
                raise QueryTimeout(
                    f"{self._max_running} other queries are running; there was no room for this one.",
                    hint="Wait until one of them has ended, or cancel one.",
                )

    def _take(self, path: Path, identity: tuple[int, int]) -> SandboxProcess | None:
        mine, kept = [], []
        for process in self._idle:
            if not process.alive:
                process.kill()
            elif process.path == path:
                mine.append(process)
            else:
                kept.append(process)
        mine.sort(key=lambda process: process.identity != identity)  # the file was replaced: a child opens it anew
        self._idle = [*kept, *mine[1:]]
        return mine[0] if mine else None

    def _take_spare(self) -> SandboxProcess:
        spare, self._spare = self._spare, None
        if spare is not None and not spare.alive:
            spare.kill()
            spare = None
        return spare or SandboxProcess(self._limits)

    def _start_spare(self) -> None:
        if self._spare is None:
            # Where enough of them wait, the one that has waited longest turns to another file: a start takes 0.4 s.
            enough = len(self._idle) >= MAX_IDLE
            self._spare = self._idle.pop(0) if enough else SandboxProcess(self._limits)


@functools.cache
def get_pool() -> SandboxPool:
    """Return the pool of this process; its children end with the process."""
    pool = SandboxPool()
    atexit.register(pool.close)
    os.register_at_fork(after_in_child=pool.forget)
    return pool


def _identify(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
