"""One run: what happened since the last one, then how every profile that differs is now.

The place in the log and the prints of profiles are saved after the warehouse has taken the rows. So a run that is
killed anywhere repeats its last batch: what happened is taken back from its place on, and what is said of a profile is
replaced. Nothing is doubled, nothing is lost.

Decisions where the specification is silent:
- The first run writes what was received in the last 60 days, and how all profiles are.
- Where no message and no profile is new since the run before, the warehouse is asked only whether it is there.
- A sync from before there were tables of events fills them from the log with its next runs.
- What happened to a profile that is there no more is taken out of the warehouse too: its person was deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, update

from core.errors import CoreError, InternalError, QueryCancelled
from core.events.event_log import open_event_log
from core.ids import new_id
from core.profiles.changes import read_version
from core.profiles.passed_on import forget_passed_on, read_passed_on
from core.profiles.progress import read_offset
from core.profiles_sync.current import Changed, has_prints, read_changes, read_removed, write_rows
from core.profiles_sync.happened import read_span, read_track_calls
from core.profiles_sync.store import (
    ProfilesRun,
    ProfilesRunState,
    ProfilesSync,
    get_profiles_sync,
    list_profiles_runs,
    list_profiles_syncs,
)
from core.profiles_sync.writer import Writer
from core.storage.bulk import upsert_rows
from core.storage.lease import hold_lease
from core.storage.tables import profiles_sync_prints, profiles_sync_runs, profiles_syncs
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import open_warehouse
from core.workspaces.workspace import Workspace

BACK_FILL = timedelta(days=60)
SPAN_MESSAGES = 5_000
BATCH_PROFILES = 5_000

_OUR_BUG = InternalError("The run failed in Onramp itself.", hint="The log has the details; please report it.")
Progress = Callable[[Counter[str]], None]


def list_due(workspace: Workspace) -> list[ProfilesSync]:
    """Return the syncs whose time has come."""
    now = workspace.now()
    return [sync for sync in list_profiles_syncs(workspace) if sync.next_run_at is not None and sync.next_run_at <= now]


def run_due(workspace: Workspace, cancel: CancelToken | None = None) -> None:
    """Run, one after the other, every sync whose time has come; a failure stands with its run.

    Raises:
        RunInProgress: Another process runs one of them.
    """
    for sync in list_due(workspace):
        run_profiles_sync(workspace, sync.id, trigger="schedule", cancel=cancel)


def run_profiles_sync(
    workspace: Workspace,
    sync_id: str,
    *,
    trigger: str = "manual",
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ProfilesRun:
    """Write the profiles now, and return the run, failed or not.

    A run that is cancelled is interrupted and stays due, as one that was killed.

    Raises:
        NotFound: There is no such sync.
        RunInProgress: It is being run.
    """
    sync = get_profiles_sync(workspace, sync_id)
    with hold_lease(workspace.database, f"profiles_sync:{sync.id}"):
        sync = get_profiles_sync(workspace, sync_id)  # as whoever held the lease before has left it
        run_id = _start(workspace, sync, trigger)
        rows: Counter[str] = Counter()
        notes: list[str] = []
        try:
            for written in _write(workspace, sync, cancel or CancelToken(), notes):
                rows.update(written)
                if progress is not None:
                    progress(rows)
        except QueryCancelled:  # only a worker that stops cancels: the sync is still due, and the next worker goes on
            with workspace.database.transaction() as connection:
                _interrupt(connection, sync.id, workspace.now())
        except CoreError as failure:
            _finish(workspace, sync, run_id, rows, notes, failure)
        except Exception:
            _finish(workspace, sync, run_id, rows, notes, _OUR_BUG)
            raise
        else:
            _finish(workspace, sync, run_id, rows, notes, None)
    return next(run for run in list_profiles_runs(workspace, sync.id) if run.id == run_id)


def _write(workspace: Workspace, sync: ProfilesSync, cancel: CancelToken, notes: list[str]) -> Iterator[dict[str, int]]:
    with workspace.database.reading() as connection:
        built_to = read_offset(connection, sync.space_id)
        version = read_version(connection, sync.space_id)
    with (
        open_warehouse(workspace, sync.warehouse_id) as warehouse,
        closing(Writer(workspace, warehouse, sync.schema_name, cancel)) as writer,
    ):
        try:
            if sync.log_offset < built_to:
                yield from _write_happened(workspace, sync, writer, built_to)
            if sync.profiles_version != version:
                yield from _write_current(workspace, sync, writer, built_to)
                with workspace.database.transaction() as connection:
                    forget_passed_on(connection, sync.id, version)
                _save(workspace, sync, profiles_version=version)
            if sync.events_offset is not None:
                yield from _fill_events(workspace, sync, writer, sync.events_offset)
            if writer.is_idle:
                warehouse.check_reachable()
        finally:
            notes += writer.notes


def _write_happened(
    workspace: Workspace, sync: ProfilesSync, writer: Writer, built_to: int
) -> Iterator[dict[str, int]]:
    log = open_event_log(workspace)
    after, since = sync.log_offset, sync.created_at - BACK_FILL
    if sync.is_whole:
        _save(workspace, sync, is_whole=False)
    else:
        writer.forget_after(after)
    while after < built_to:
        with workspace.database.reading() as connection:
            rows, end = read_span(connection, log, sync.space_id, after, SPAN_MESSAGES, built_to, since)
        written = writer.write_span(rows)
        _save(workspace, sync, log_offset=end, is_whole=end == built_to)
        after = end
        yield written


def _fill_events(workspace: Workspace, sync: ProfilesSync, writer: Writer, after: int) -> Iterator[dict[str, int]]:
    """Bring the track calls from before there were tables of events into them, last of all: what is new goes first."""
    log, since = open_event_log(workspace), sync.created_at - BACK_FILL
    while after < sync.log_offset:
        with workspace.database.reading() as connection:
            calls, end = read_track_calls(connection, log, sync.space_id, after, SPAN_MESSAGES, sync.log_offset, since)
        written = writer.fill_events(calls, after, end)
        _save(workspace, sync, events_offset=end)
        after = end
        yield written
    _save(workspace, sync, events_offset=None)


def _save(workspace: Workspace, sync: ProfilesSync, **place: object) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(update(profiles_syncs).where(profiles_syncs.c.id == sync.id).values(**place))


def _write_current(workspace: Workspace, sync: ProfilesSync, writer: Writer, built_to: int) -> Iterator[dict[str, int]]:
    with workspace.database.reading() as connection:
        passed_on = read_passed_on(connection, sync.id, sync.space_id)
    if not has_prints(workspace, sync.id):
        writer.forget_current()  # of a sync that was removed: its profiles may be there no more
    held = Changed([], [])
    for changed in read_changes(workspace, sync.id, sync.space_id, passed_on):
        held = Changed([*held.standings, *changed.standings], [*held.gone, *changed.gone])
        if len(held) >= BATCH_PROFILES:
            yield _write_batch(workspace, sync, writer, held, built_to)
            held = Changed([], [])
    if len(held):
        yield _write_batch(workspace, sync, writer, held, built_to)


def _write_batch(
    workspace: Workspace, sync: ProfilesSync, writer: Writer, changed: Changed, built_to: int
) -> dict[str, int]:
    with workspace.database.reading() as connection:
        removed = read_removed(connection, sync.space_id, changed, built_to)
    written = writer.write_current(write_rows(changed, open_event_log(workspace))) | writer.write_removed(removed)
    if changed.gone:
        writer.forget_happened(changed.gone)
    table = profiles_sync_prints.c
    with workspace.database.transaction() as connection:
        upsert_rows(
            connection, profiles_sync_prints, [(sync.id, each.id, print_) for each, print_ in changed.standings]
        )
        if changed.gone:
            is_gone = table.profile_id.in_(changed.gone)
            connection.execute(delete(profiles_sync_prints).where(table.sync_id == sync.id, is_gone))
    return written


def _start(workspace: Workspace, sync: ProfilesSync, trigger: str) -> str:
    run_id, now = new_id("run", workspace.now()), workspace.now()
    with workspace.database.transaction() as connection:
        _interrupt(connection, sync.id, now)  # under the lease: a run that still says that it goes on was killed
        values = {"trigger": trigger, "state": ProfilesRunState.RUNNING, "started_at": now, "rows": {}}
        connection.execute(insert(profiles_sync_runs).values(id=run_id, sync_id=sync.id, **values))
    return run_id


def _interrupt(connection: Connection, sync_id: str, now: datetime) -> None:
    table = profiles_sync_runs.c
    unfinished = (table.sync_id == sync_id) & (table.state == ProfilesRunState.RUNNING)
    ended = {"state": ProfilesRunState.INTERRUPTED, "finished_at": now}
    connection.execute(update(profiles_sync_runs).where(unfinished).values(**ended))


def _finish(
    workspace: Workspace,
    sync: ProfilesSync,
    run_id: str,
    rows: Counter[str],
    notes: Sequence[str],
    error: CoreError | None,
) -> None:
    state = ProfilesRunState.SUCCEEDED if error is None else ProfilesRunState.FAILED
    values = {
        "state": state,
        "finished_at": workspace.now(),
        "rows": {name: number for name, number in rows.items() if number},
        "notes": list(notes),
        "error": None if error is None else error.to_dict(),
    }
    with workspace.database.transaction() as connection:
        connection.execute(update(profiles_sync_runs).where(profiles_sync_runs.c.id == run_id).values(**values))
        # not before: a run that was killed is still due; and not over what somebody has asked for meanwhile
        is_same = (profiles_syncs.c.id == sync.id) & profiles_syncs.c.next_run_at.is_not_distinct_from(sync.next_run_at)
        next_run_at = _find_next(sync.interval_minutes, workspace.now())
        connection.execute(update(profiles_syncs).where(is_same).values(next_run_at=next_run_at))


def _find_next(interval_minutes: int | None, now: datetime) -> datetime | None:
    return None if interval_minutes is None else now + timedelta(minutes=interval_minutes)
