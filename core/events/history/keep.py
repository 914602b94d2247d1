"""The worker's job for the log's history: close days, index words, drop what is too old. One process at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from core.events.counts import gather, is_roll_due, roll_up
from core.events.event_log import EventLog, open_event_log
from core.events.history.close import (
    close_next,
    delete_closed,
    find_closable,
    find_deletable,
    forget_missing,
    has_strays,
    remove_strays,
)
from core.events.history.layout import list_closed_files, read_layout
from core.events.history.read import snapshot
from core.events.history.word_index import build_next, is_behind
from core.events.refused import drop_refused, has_refused_before
from core.storage.lease import hold_lease
from core.workspaces.retention import get_keep_days
from core.workspaces.workspace import Workspace


def keep_history(workspace: Workspace, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Do what there is to do for the history now, and return how many steps were done.

    Raises:
        RunInProgress: Another process is at it.
        StorageFull: There is no room; nothing is lost, and the work is tried again.
    """
    log, now = open_event_log(workspace), workspace.now()
    cutoff = find_cutoff(workspace)
    gather(log)
    if not _has_work(log, now, cutoff):  # so that a worker that asks every few seconds does not write each time
        return 0
    steps = 0
    with hold_lease(workspace.database, "history"):
        forget_missing(log)
        if cutoff is not None:
            steps += drop_older(log, cutoff) > 0
        while not is_stopping() and close_next(log, now):
            steps += 1
        while not is_stopping() and build_next(log):
            steps += 1
        if cutoff is not None:  # of what was closed only now
            steps += drop_older(log, cutoff) > 0
        steps += delete_closed(log, now) > 0
        remove_strays(log)
        if is_roll_due(log, now):
            roll_up(log, now)
    return steps


def find_cutoff(workspace: Workspace, keep_days: int | None = None) -> datetime | None:
    """Return the midnight before which events are not kept; None where they are kept for ever.

    Args:
        workspace: Whose setting counts.
        keep_days: A number of days to try instead.
    """
    days = get_keep_days(workspace) if keep_days is None else keep_days
    if days is None:
        return None
    return datetime.combine(workspace.now().date() - timedelta(days=days), time(), UTC)


def drop_older(log: EventLog, cutoff: datetime) -> int:
    """Drop the closed days before `cutoff` and the refused events received before it; return how many events went."""
    end = _find_end(log, cutoff)
    return (log.truncate(end) if end else 0) + drop_refused(log, cutoff)


def count_older(log: EventLog, cutoff: datetime) -> int:
    """Return how many accepted events `drop_older` would drop."""
    end = _find_end(log, cutoff)
    if not end:
        return 0
    with snapshot(log) as connection:
        start = read_layout(connection).start
        files = list_closed_files(connection, start, end - 1)
    return sum(file.last - max(file.first, start) + 1 for file in files)


def _find_end(log: EventLog, cutoff: datetime) -> int:
    """Return the first offset after the closed days before `cutoff`; 0 where there is none."""
    end = 0
    with snapshot(log) as connection:
        for file in list_closed_files(connection):
            if file.day >= str(cutoff.date()):
                break
            end = file.last + 1
    return end


def _has_work(log: EventLog, now: datetime, cutoff: datetime | None) -> bool:
    if (
        find_closable(log, now)
        or is_behind(log)
        or find_deletable(log, now)
        or has_strays(log)
        or is_roll_due(log, now)
    ):
        return True
    return cutoff is not None and (bool(_find_end(log, cutoff)) or has_refused_before(log, cutoff))
