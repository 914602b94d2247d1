"""The work that crash tests kill, each in a process of its own.

The processes are forks of a server that has read the modules once: a second of imports a process was most of the time
of these tests. What is killed is as real: nothing of the work is shared with the test.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.synchronize import Event

from core.clock import FixedClock
from core.errors import RunInProgress
from core.events.history import close, word_index
from core.events.history.keep import keep_history
from core.profiles import family, replacement
from core.profiles.build import ProfileBuilder
from core.profiles.undo_jobs import carry_out_undos
from core.syncs.engine import execute_run
from core.syncs.run import list_unfinished_runs, request_run
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import open_workspace
from tests.closed_days import DAY
from tests.programs import PROGRAMS


def sync(working: Event, home: str, sync_id: str) -> None:
    """Take up the run that is left, else run the sync."""
    workspace = open_workspace(home)
    left = [run.id for run in list_unfinished_runs(workspace)]
    working.set()
    for run_id in left or [request_run(workspace, sync_id).id]:
        execute_run(workspace, run_id)


def build_profiles(working: Event, home: str, space_id: str) -> None:
    """Build the profiles in many small batches."""
    workspace = open_workspace(home)
    working.set()
    ProfileBuilder(workspace, space_id, ComputedTraitEngine(), batch_messages=40).build()


def build_again(working: Event, home: str, space_id: str) -> None:
    """Build all profiles again where that is asked for, and write what differs in many small pieces."""
    replacement.PAGE_OWNERS, replacement.PAGE_MESSAGES = 40, 100
    workspace = open_workspace(home)
    working.set()
    ProfileBuilder(workspace, space_id, ComputedTraitEngine(), batch_messages=400).build()


def undo(working: Event, home: str) -> None:
    """Do the undos that are asked for, in many small pieces."""
    family.READ_AT_ONCE = 40
    workspace = open_workspace(home)
    working.set()
    with suppress(RunInProgress):
        carry_out_undos(workspace, ComputedTraitEngine())


def keep(working: Event, home: str, day: int) -> None:
    """Close, index and drop days in many small pieces."""
    close.FILE_EVENTS, close.DELETED_AT_ONCE, word_index.PART_EVENTS = 150, 20, 130
    workspace = open_workspace(home, clock=FixedClock(DAY + timedelta(days=day, hours=1)))
    working.set()
    keep_history(workspace)


def finish(work: Callable[..., None], *arguments: object) -> None:
    """Let the work come to its end."""
    working = PROGRAMS.Event()
    process = PROGRAMS.Process(target=work, args=(working, *arguments))
    process.start()
    assert working.wait(60)
    process.join(120)
    assert process.exitcode == 0
    process.close()


def kill_after(after_s: float, work: Callable[..., None], *arguments: object) -> bool:
    """Kill the work that long after it has begun; return False where it had ended before."""
    working = PROGRAMS.Event()
    process = PROGRAMS.Process(target=work, args=(working, *arguments))
    process.start()
    assert working.wait(60)
    time.sleep(after_s)
    process.kill()
    process.join(60)
    code = process.exitcode
    process.close()
    return code == -signal.SIGKILL
