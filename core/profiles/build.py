"""The profile builder: reads the event log from its offset and keeps the profiles of one space.

Profiles and offset are committed in one transaction, under a lease whose token is checked in that transaction. So a
builder that is killed anywhere has either applied a batch or has not, and no message counts twice. It does not wait for
the disk: what a power failure takes away is made again from the log, which does.

Decisions where the specification is silent:
- While a space has no identifiers nothing is read, so nothing sent before the person chose them is lost.
- When a source is connected whose messages the builder has passed already, the profiles are built again from the log
  (`core/profiles/rebuild.py`): in the log's order, so that the answer does not depend on when it was connected.
- An identifier type first seen in `externalIds` is added by itself, at most 50 of them.
- A batch that was read before somebody changed what the space reads, or deleted an identifier, is read again.

A few messages, as live events are, are applied in one transaction that holds the space for its own length: to take the
space and to give it back would be two commits more. More of them would keep other writers of the store waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from core.errors import CoreError, RunInProgress
from core.events.event_log import StoredEvent, open_event_log
from core.identity.resolve import Caps
from core.profiles.batch import BATCH_MESSAGES, PART_MESSAGES, Batch, BuildReport, add_unknown_types, fill_batch
from core.profiles.failures import BuildFailure, forget_failure, keeping_failure, read_failure
from core.profiles.garbage import without_garbage_collection
from core.profiles.progress import (
    end_rebuild,
    name_reader,
    name_rebuild,
    note_rebuilt,
    read_offset,
    read_rebuilt,
    request_rebuild,
    write_source_markers,
)
from core.profiles.rebuild import Rebuild
from core.profiles.space_state import SpaceState, read_state
from core.profiles.trait_engine import TraitBatch, TraitEngine, TraitUpdate
from core.storage.lease import Lease, hold_lease, pass_lease, require_lease
from core.workspaces.workspace import Workspace

__all__ = ["BuildReport", "ProfileBuilder", "TraitBatch", "TraitEngine", "TraitUpdate", "rebuild"]

FEW_MESSAGES = 100  # applied in some 20 ms, for which other writers of the store wait
REST_S = 60.0  # after a rebuild that failed

Progress = Callable[[BuildReport], None]


class ProfileBuilder:
    """Builds the profiles of one space.

    Args:
        workspace: Where the log and the store are.
        space_id: Whose profiles.
        trait_engine: Computes traits; None leaves them to a later builder that has one.
        batch_messages: Messages committed together; the result does not depend on it.
        part_messages: Messages of a batch applied together; the result does not depend on it either.
        caps: The caps on one profile; None: those of the space.
    """

    def __init__(
        self,
        workspace: Workspace,
        space_id: str,
        trait_engine: TraitEngine | None = None,
        *,
        batch_messages: int = BATCH_MESSAGES,
        part_messages: int = PART_MESSAGES,
        caps: Caps | None = None,
    ) -> None:
        self._workspace = workspace
        self._log = open_event_log(workspace)
        self._space_id = space_id
        self._engine = trait_engine
        self._batch_messages = batch_messages
        self._part_messages = part_messages
        self._caps = caps
        self._name = name_reader(space_id)  # of its offset, of its failure, and of its lease
        self._offset: int | None = None  # as this builder left it; another one may have gone on from there
        self._rebuild: Rebuild | None = None
        self._rests_until = 0.0

    def build(
        self, max_messages: int | None = None, progress: Progress | None = None, *, wait_s: float = 0.0
    ) -> BuildReport:
        """Apply what is new in the log, at most `max_messages` messages, and return what was done.

        `wait_s` is how long to wait for another process that builds this space and pauses now and then.

        Raises:
            RunInProgress: Another process builds this space.
            StorageFull: The disk is full; what was committed before stays.
        """
        with keeping_failure(self._workspace, self._name):
            report = self._apply_few(max_messages) if self._rebuild is None else None
        if report is not None:
            if progress is not None:
                progress(report)
            return report
        with self._workspace.database.reading() as connection:
            state = self._read_state(connection)
            is_behind = _is_behind(state, self._open_traits(connection))
            is_behind = is_behind or read_rebuilt(connection, self._space_id) is not None
            # what failed may be gone from the log
            is_behind = is_behind or read_failure(connection, self._name) is not None
        is_behind = is_behind or self._log.last_offset() > state.offset
        if state.settings.rules and is_behind:
            with hold_lease(self._workspace.database, self._name, wait_s=wait_s) as lease:
                return self._build(lease, max_messages, progress)
        self._offset = state.offset  # nothing to do: a worker that asks every second writes nothing, and reads once
        return BuildReport(offset=state.offset)

    def _apply_few(self, max_messages: int | None) -> BuildReport | None:
        """Apply the new messages if they are few and there is nothing else to do; None where that is not so."""
        now = self._workspace.now()
        offset = self._read_offset() if self._offset is None else self._offset
        self._offset = None
        waiting = self._log.last_offset() - offset
        if not 0 < waiting <= min(FEW_MESSAGES, self._batch_messages):
            return None
        limit = waiting if max_messages is None else min(waiting, max_messages)
        with self._workspace.database.transaction(may_be_lost=True) as connection:
            batch = self._apply_in(connection, offset, limit, now)
            if batch is None:
                connection.rollback()  # so that messages which wait for identifiers cost no write a second
                return None
            batch.write(connection, now)
        self._offset = batch.offset
        return BuildReport().add(batch)

    def _apply_in(self, connection: Connection, offset: int, limit: int, now: datetime) -> Batch | None:
        # what is read here, the messages too, stays true until the end of the transaction: whoever changes profiles by
        # it, such as a deletion that took messages out of the log, needs the space and comes before or after
        if not pass_lease(connection, self._name):
            return None
        state = self._read_state(connection)
        if state.offset != offset or not state.settings.rules or state.deletions.find_next() is not None:
            return None
        events, traits = self._log.read(offset, limit), self._open_traits(connection)
        if not events or _is_behind(state, traits):
            return None
        batch = Batch(self._space_id, state.settings, state.deletions, traits)
        part = batch.read(events)
        if batch.room_for_types and part.list_unknown_types():
            return None
        batch.apply(connection, part, now)
        batch.finish()
        return batch

    def _build(self, lease: Lease, max_messages: int | None, progress: Progress | None) -> BuildReport:
        self._look_for_rebuild(lease)
        report = BuildReport(offset=self._read_offset())
        stuck: CoreError | None = None
        while max_messages is None or report.read < max_messages:
            room = self._batch_messages if max_messages is None else max_messages - report.read
            limit = min(room, self._batch_messages)
            applied = None
            if stuck is None:  # what is new goes first
                try:
                    applied = self._apply_more(lease, limit)
                except RunInProgress:
                    raise
                except CoreError as error:
                    if self._rebuild is None:
                        raise
                    stuck = error  # to build all profiles again may be what helps
                    continue
                if applied is None:
                    continue
                report = report.add(applied)
            if applied is None or not applied.size:
                beside = self._rebuild_more(lease, limit)
                if beside is not None:
                    report = report.add(beside, offset=report.offset)
                elif stuck is None:
                    break
                elif self._rebuild is not None:  # it has to wait
                    raise stuck
                else:
                    stuck = None
            if progress is not None:
                progress(report)
        return report

    def _apply_more(self, lease: Lease, limit: int) -> Batch | None:
        """Apply and write the next messages; None where what they are read by has changed meanwhile."""
        with keeping_failure(self._workspace, self._name):
            self._compute_history(lease)
            with without_garbage_collection():
                batch = fill_batch(self, limit, self._part_messages, self._workspace.now())
                if batch.size and not self._write_batch(lease, batch):
                    return None
        if not batch.size:
            self._forget_failure(lease)
        return batch

    def _rebuild_more(self, lease: Lease, limit: int) -> Batch | None:
        """Build some messages again; None where there is nothing to do."""
        with keeping_failure(self._workspace, name_rebuild(self._space_id)):
            return self._go_on_rebuilding(lease, limit)

    def _forget_failure(self, lease: Lease) -> None:
        """Note that there is nothing more in the way of new messages."""
        with self._workspace.database.reading() as connection:
            if read_failure(connection, self._name) is None:
                return
        with self._workspace.database.transaction() as connection:
            require_lease(connection, lease)
            forget_failure(connection, self._name)

    def _go_on_rebuilding(self, lease: Lease, limit: int) -> Batch | None:
        while self._rebuild is not None:
            try:
                batch = self._rebuild.advance(limit)
                if batch is not None:
                    return batch
                if not self._finish_rebuild(lease, self._rebuild):
                    return None
            except RunInProgress:  # what is built beside stays, and is gone on with
                raise
            except BaseException:  # such as a full disk: new messages are not to wait for it
                self._drop_rebuild()
                self._rests_until = time.monotonic() + REST_S
                raise
        return None

    def _finish_rebuild(self, lease: Lease, rebuild: Rebuild) -> bool:
        """Put the new profiles in the place of the old ones; False where that has to wait."""
        self._compute_history(lease)
        if rebuild.put_in_place(partial(require_lease, lease=lease)):
            self._drop_rebuild()
            return True
        return not rebuild.has_to_wait

    def _drop_rebuild(self) -> None:
        if self._rebuild is not None:
            self._rebuild.close()
        self._rebuild = None

    def _compute_history(self, lease: Lease) -> None:
        if self._engine is not None:
            check = partial(require_lease, lease=lease)
            self._engine.compute_history(self._workspace, self._space_id, self._log, check)

    def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the next messages of the log, at most `limit`."""
        return self._log.read(after, limit)

    def reading(self) -> AbstractContextManager[Connection]:
        """Open the profiles that are there."""
        return self._workspace.database.reading()

    def add_types(self, unknown: Sequence[str], room: int) -> bool:
        """Add identifier types that first came in `externalIds`."""
        with self._workspace.database.transaction() as connection:
            return add_unknown_types(connection, self._workspace, self._space_id, unknown, room)

    def open_batch(self) -> Batch:
        """Return an empty batch that begins where the builder is."""
        with self._workspace.database.reading() as connection:
            state, traits = self._read_state(connection), self._open_traits(connection)
        if traits is not None:
            # a trait that was added a moment ago has no history yet: it starts with that, before the next batch
            traits.leave_out(traits.find_behind(state.offset).keys())
        return Batch(self._space_id, state.settings, state.deletions, traits)

    def _write_batch(self, lease: Lease, batch: Batch) -> bool:
        with self._workspace.database.transaction(may_be_lost=True) as connection:
            require_lease(connection, lease)
            if not batch.is_current(connection):
                return False
            batch.write(connection, self._workspace.now())
        return True

    def _read_state(self, connection: Connection) -> SpaceState:
        state = read_state(connection, self._space_id)
        return replace(state, settings=replace(state.settings, caps=self._caps)) if self._caps else state

    def _open_traits(self, connection: Connection) -> TraitBatch | None:
        return self._engine.open_batch(connection, self._space_id, self._workspace.now()) if self._engine else None

    def _look_for_rebuild(self, lease: Lease) -> None:
        """Begin a rebuild that somebody asked for, or that messages of a new source make necessary."""
        with self._workspace.database.reading() as connection:
            state = self._read_state(connection)
            is_asked = read_rebuilt(connection, self._space_id) is not None
        new, offset = state.new_sources, state.offset
        if self._rebuild is not None and not (is_asked or new):
            self._drop_rebuild()  # another builder was faster
        if self._rebuild is not None or not (is_asked or new) or time.monotonic() < self._rests_until:
            return
        now = self._workspace.now()
        with self._workspace.database.transaction() as connection:
            require_lease(connection, lease)
            if offset and (is_asked or self._has_passed(new, offset)):
                note_rebuilt(connection, self._space_id, 0, now)
                self._rebuild = Rebuild(
                    self._workspace, self._log, self._space_id, self._engine, self._part_messages, self._caps
                )
            elif is_asked:
                end_rebuild(connection, self._space_id, new, now)  # nothing is built yet
            else:
                write_source_markers(connection, self._space_id, new, now)

    def _has_passed(self, sources: Collection[str], offset: int) -> bool:
        counts = self._log.count_by_source()
        return any(
            counts.get(source_id) and self._log.search(source_id=source_id, before=offset + 1, limit=1)
            for source_id in sources
        )

    def _read_offset(self) -> int:
        with self._workspace.database.reading() as connection:
            return read_offset(connection, self._space_id)


def rebuild(workspace: Workspace, space_id: str) -> None:
    """Have the next builder build all profiles of the space again from the log, with the same ids.

    Until that is done they stay as they are, and new messages go on being applied to them.
    """
    with workspace.database.transaction() as connection:
        request_rebuild(connection, space_id, workspace.now())


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far the profiles of a space are built again; unit: places in the event log.

    `failure` is why it does not get on, until it is tried again.
    """

    done: int
    total: int
    failure: BuildFailure | None = None


def find_rebuild(workspace: Workspace, space_id: str) -> RebuildProgress | None:
    """Return how far a rebuild is that somebody asked for or that a source has made necessary; None where none is."""
    with workspace.database.reading() as connection:
        done = read_rebuilt(connection, space_id)
        if done is None:
            return None
        failure = read_failure(connection, name_rebuild(space_id))
        return RebuildProgress(done, read_offset(connection, space_id), failure)


def find_failure(workspace: Workspace, space_id: str) -> BuildFailure | None:
    """Return why new messages do not reach the profiles of a space; None where nothing is in their way."""
    with workspace.database.reading() as connection:
        return read_failure(connection, name_reader(space_id))


def _is_behind(state: SpaceState, traits: TraitBatch | None) -> bool:
    """Say whether a source or a trait is new, so that older messages concern it."""
    return bool(state.new_sources) or (traits is not None and bool(traits.find_behind(state.offset)))
