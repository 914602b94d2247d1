"""Stopping a query from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class CancelToken:
    """A switch that one thread turns and another one obeys. It turns once; it never turns back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self._reason: str | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """Why, or None while nobody asked."""
        return self._reason

    def cancel(self, reason: str = "A person stopped the query.") -> None:
        """Ask to stop. The callbacks run in this thread, each once; asking again changes nothing."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Run `callback` when the token is cancelled, at once where it is already; return what takes it back."""
        with self._lock:
            if self._reason is None:
                self._next += 1
                number = self._next
                self._callbacks[number] = callback
                return lambda: self._forget(number)
        callback()
        return lambda: None

    def _forget(self, number: int) -> None:
        with self._lock:
            self._callbacks.pop(number, None)
