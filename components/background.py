"""Work that goes on while a page is drawn and used, whose result a later moment of the same session picks up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from core.warehouses.cancel import CancelToken

T = TypeVar("T")


class Job(Generic[T]):
    """One piece of work in a thread of its own."""

    def __init__(self, key: Hashable, work: Callable[[CancelToken], T]) -> None:
        self.key = key
        self.cancel = CancelToken()
        self._work = work
        self._ended = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        # a daemon: a query that takes long must not keep the server from stopping
        threading.Thread(target=self._run, name="onramp-background", daemon=True).start()

    @property
    def has_failed(self) -> bool:
        """Whether the work ended with an error."""
        return self._error is not None

    def wait(self, timeout_s: float) -> bool:
        """Return whether the work has ended, after waiting for it up to `timeout_s`."""
        return self._ended.wait(timeout_s)

    def result(self) -> T:
        """Return what the work made, or raise what it raised; waits for the end."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set by the work

    def _run(self) -> None:
        try:
            self._result = self._work(self.cancel)
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error
        finally:
            self._ended.set()


class Background(Generic[T]):
    """The newest work of one kind in one session. Newer work stops the older, whose result nobody waits for."""

    def __init__(self) -> None:
        self._job: Job[T] | None = None

    def start(self, key: Hashable, work: Callable[[CancelToken], T]) -> Job[T]:
        """Return the job for `key`: the one under way or done, unless it failed; else a new one."""
        job = self._job
        if job is not None and job.key == key and not job.has_failed:
            return job
        if job is not None:
            job.cancel.cancel("Something newer was asked for.")
        self._job = Job(key, work)
        return self._job
