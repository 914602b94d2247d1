"""The demo goes on: `python -m core.samples.live_demo HOME UNTIL` writes what happened since its newest messages.

So a demo that is opened after weeks is one of a shop that people still order from and call: a prediction by an event
that has stopped is refused, and who calls has called lately. Inventing takes seconds of a processor and is done beside,
behind whatever a page waits for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress

from core.clock import to_iso
from core.errors import InternalError
from core.events.message import parse_time
from core.samples.demo import (
    append_demo_events,
    append_demo_orders,
    find_demo_shop,
    is_behind,
    read_newest_invented,
)
from core.sources.store import ensure_flex_source
from core.workspaces.beside import run_beside, watch_parent
from core.workspaces.workspace import Workspace, open_workspace

NICENESS = 10


def go_on(workspace: Workspace, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Bring the demo's shop and its Flex up to now; return whether the shop was behind.

    Nothing where there is no such shop, or it is paused.

    Raises:
        InternalError: The process beside did not come to its end.
    """
    shop = find_demo_shop(workspace)
    if shop is None or not shop.enabled:
        return False
    newest, now = read_newest_invented(workspace, shop), workspace.now()
    if newest is None or not is_behind(newest, now):
        return False
    ended = run_beside(workspace, "core.samples.live_demo", to_iso(now), is_stopping=is_stopping)
    if ended is not None and ended.status:
        raise InternalError(f"The demo did not go on: {ended.problem}.", hint="It is tried again in a minute.")
    return True


def main(home: str, until: str) -> None:
    """Write it."""
    watch_parent(lambda: os._exit(1))
    with suppress(OSError):
        os.nice(NICENESS)
    with closing(open_workspace(home)) as workspace:
        if read_newest_invented(workspace, ensure_flex_source(workspace)) is not None:
            append_demo_events(workspace, until=parse_time(until))
        append_demo_orders(workspace, until=parse_time(until))  # last: by its orders one sees whether all is there


if __name__ == "__main__":
    main(*sys.argv[1:])
