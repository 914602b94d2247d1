"""The demo's shop goes on: `python -m core.samples.live_shop HOME UNTIL` writes what happened since its newest message.

So a demo that is opened after weeks is one of a shop that people still order from: a prediction by an event that has
stopped is refused. Inventing takes seconds of a processor and is done beside, behind whatever a page waits for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta

from core.clock import to_iso
from core.errors import InternalError
from core.events.message import parse_time
from core.samples.demo import append_demo_orders, find_demo_shop, read_newest_order
from core.workspaces.beside import run_beside, watch_parent
from core.workspaces.workspace import Workspace, open_workspace

NICENESS = 10
BEHIND = timedelta(hours=6)
"""The shop sends some 150 messages a day."""


def go_on(workspace: Workspace, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Bring the demo's shop up to now; return whether it was behind. Nothing where there is none, or it is paused.

    Raises:
        InternalError: The process beside did not come to its end.
    """
    shop = find_demo_shop(workspace)
    if shop is None or not shop.enabled:
        return False
    newest, now = read_newest_order(workspace, shop), workspace.now()
    if newest is None or now - newest < BEHIND:
        return False
    ended = run_beside(workspace, "core.samples.live_shop", to_iso(now), is_stopping=is_stopping)
    if ended is not None and ended.status:
        raise InternalError(f"The demo's shop did not go on: {ended.problem}.", hint="It is tried again in a minute.")
    return True


def main(home: str, until: str) -> None:
    """Write it."""
    watch_parent(lambda: os._exit(1))
    with suppress(OSError):
        os.nice(NICENESS)
    with closing(open_workspace(home)) as workspace:
        append_demo_orders(workspace, until=parse_time(until))


if __name__ == "__main__":
    main(*sys.argv[1:])
