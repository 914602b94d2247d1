"""What ends a query early, in words: its time is up, or a person stopped it."""

from __future__ import annotations

import select
import time

from core.errors import CoreError, QueryCancelled, QueryTimeout
from core.warehouses.cancel import CancelToken


class Budget:
    """How long we may still wait for an engine; the time between two waits is the consumer's and does not count."""

    def __init__(self, seconds: float) -> None:
        self.total_s = self.left_s = seconds

    def spend(self, seconds: float) -> None:
        """Take `seconds` off."""
        self.left_s -= seconds

    def wait(self, poll: select.poll) -> bool:
        """Wait for an event; return False when the budget is used up first."""
        started = time.monotonic()
        events = poll.poll(max(0.0, self.left_s) * 1000)
        self.spend(time.monotonic() - started)
        return bool(events)


def timed_out(timeout_s: float) -> CoreError:
    """Return the error of a query whose time is up."""
    return QueryTimeout(
        f"The query took longer than {timeout_s:g} s and was stopped.",
        hint="Filter or aggregate more, or allow it more time.",
        context={"timeout_s": timeout_s},
    )


def cancelled(token: CancelToken) -> CoreError:
    """Return the error of a query that a person stopped."""
    return QueryCancelled(
        f"The query was stopped: {token.reason}", hint="Run it again when you like.", context={"reason": token.reason}
    )
