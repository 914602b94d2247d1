"""Several processes that serve one port: each has a socket of its own, and the kernel spreads connections over them.

The parent does the background work and replaces a process that has ended. A process whose parent is gone ends too.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead

from core.errors import StateError
from core.http.metrics import MULTIPROCESS_SETTING
from core.http.process import Process
from core.http.serve import listen, serve, share

METRICS_FOLDER = "onramp-metrics"
STOP_TIMEOUT_S = 15.0
MAX_FAILED_STARTS = 5
_LOG = logging.getLogger("onramp.serve")


class Pool:
    """The processes that serve `host` and `port`; making it opens the home folder and takes the port."""

    def __init__(self, host: str, port: int, home: str | None, *, workers: int) -> None:
        self._home = home
        self._process = Process(home)
        self._process.open()
        self._reserved = listen(host, port)  # bound and never listened on: it keeps the port while children come and go
        self._host, self.port = host, self._reserved.getsockname()[1]
        self._workers = workers
        self._failed_starts = 0
        self._stopping = threading.Event()
        self._children: list[SpawnProcess] = []

    def run(self) -> None:
        """Serve until interrupted or terminated.

        Raises:
            StateError: The processes end by themselves again and again.
        """
        self._process.start()
        try:
            with _metrics_folder(), _on_terminate(self._stopping):
                self._children = [self._start() for _ in range(self._workers)]
                while not self._stopping.is_set():
                    self._replace_ended()
        finally:
            self._stop_children()
            self._process.stop()
            self._reserved.close()

    def _start(self) -> SpawnProcess:
        context = multiprocessing.get_context("spawn")  # a fork would share open connections of the store and the log
        child = context.Process(target=_work, args=(self._host, self.port, self._home), daemon=True)
        child.start()
        return child

    def _replace_ended(self) -> None:
        wait([child.sentinel for child in self._children], timeout=0.5)
        for place, child in enumerate(self._children):
            if child.exitcode is None:
                continue
            mark_process_dead(child.pid)  # type: ignore[no-untyped-call]
            if self._stopping.is_set():
                return
            _LOG.error("a serving process ended with %s and is replaced", child.exitcode)
            self._count_failed_start(child.exitcode)
            self._children[place] = self._start()

    def _count_failed_start(self, exit_code: int) -> None:
        self._failed_starts = self._failed_starts + 1 if exit_code > 0 else 0  # below 0: somebody killed it
        if self._failed_starts >= MAX_FAILED_STARTS:
            raise StateError(
                "The serving processes end by themselves.", hint="The reason is in logs/onramp.log of the home folder."
            )
        time.sleep(0.2 * self._failed_starts)

    def _stop_children(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.join(STOP_TIMEOUT_S)
            if child.exitcode is None:
                child.kill()
                child.join()


def _work(host: str, port: int, home: str | None) -> None:
    """Be one of the processes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl+C reaches every process of the terminal
        serve(Process(home, has_worker=False), share(host, port))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _metrics_folder() -> Iterator[None]:
    _remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=f"{METRICS_FOLDER}-{os.getpid()}-") as folder:
        os.environ[MULTIPROCESS_SETTING] = folder
        try:
            yield
        finally:
            del os.environ[MULTIPROCESS_SETTING]


def _remove_left_behind() -> None:
    """Remove the folders of servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{METRICS_FOLDER}-*-*"):
        try:
            os.kill(int(folder.name.split("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, ValueError):
            continue  # another user's


@contextmanager
def _on_terminate(stopping: threading.Event) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
