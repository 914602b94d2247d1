"""The profile builder: reads the event log from its offset and keeps the profiles of one space.

Profiles and offset are committed in one transaction, under a lease whose token is checked in that transaction. So a
builder that is killed anywhere has either applied a batch or has not, and no message counts twice.

Decisions where the specification is silent:
- While a space has no identifiers nothing is read, so nothing sent before the person chose them is lost.
- When a source is connected whose messages the builder has passed already, the profiles are rebuilt from the log:
  history is replayed in the log's order, oldest first, and the answer does not depend on when it was connected.
- An identifier type first seen in `externalIds` is added by itself, at most 50 of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.identity.caps import read_caps
from core.identity.resolve import Caps
from core.identity.rule import IdentifierRule
from core.identity.rules import add_external_types, list_rules
from core.profiles.apply import BatchApplier, ReadMessage, find_identifiers, read_messages
from core.profiles.counts import add_counts, count_messages
from core.profiles.garbage import without_garbage_collection
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import (
    clear_space,
    read_offset,
    read_source_markers,
    reset_traits,
    write_offset,
    write_source_markers,
)
from core.profiles.trait_engine import TraitBatch, TraitEngine, TraitUpdate
from core.storage.lease import Lease, hold_lease, require_lease
from core.workspaces.spaces import list_connected_sources
from core.workspaces.workspace import Workspace

__all__ = ["BuildReport", "ProfileBuilder", "TraitBatch", "TraitEngine", "TraitUpdate", "rebuild"]

BATCH_MESSAGES = 4_000  # each batch costs a few queries and a commit; the objects of more are too many for the cache
MAX_EXTERNAL_TYPES = 50

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. `read` counts messages of the log, `applied` those that reached a profile."""

    read: int = 0
    applied: int = 0
    profiles_created: int = 0
    merges: int = 0
    violations: int = 0
    offset: int = 0


Progress = Callable[[BuildReport], None]


class ProfileBuilder:
    """Builds the profiles of one space.

    Args:
        workspace: Where the log and the store are.
        space_id: Whose profiles.
        trait_engine: Computes traits; None leaves them to a later builder that has one.
        batch_messages: Messages committed together; the result does not depend on it.
        caps: The caps on one profile; None: those of the space.
    """

    def __init__(
        self,
        workspace: Workspace,
        space_id: str,
        trait_engine: TraitEngine | None = None,
        *,
        batch_messages: int = BATCH_MESSAGES,
        caps: Caps | None = None,
    ) -> None:
        self._workspace = workspace
        self._space_id = space_id
        self._engine = trait_engine
        self._batch_messages = batch_messages
        self._caps = caps

    def build(self, max_messages: int | None = None, progress: Progress | None = None) -> BuildReport:
        """Apply what is new in the log, at most `max_messages` messages, and return what was done.

        Raises:
            RunInProgress: Another process builds this space.
            StorageFull: The disk is full; what was committed before stays.
        """
        if not self._has_work():  # so that a worker that asks every second does not write every second
            return BuildReport(offset=self._read_offset())
        with hold_lease(self._workspace.database, f"profiles:{self._space_id}") as lease:
            return self._build(lease, max_messages, progress)

    def _has_work(self) -> bool:
        if not list_rules(self._workspace, self._space_id):
            return False
        sources, now = list_connected_sources(self._workspace, self._space_id), self._workspace.now()
        with self._workspace.database.reading() as connection:
            offset = read_offset(connection, self._space_id)
            if sources - read_source_markers(connection, self._space_id):
                return True
            traits = self._engine.open_batch(connection, self._space_id, now) if self._engine else None
            if traits is not None and traits.find_behind(offset):
                return True
        return open_event_log(self._workspace).last_offset() > offset

    def _build(self, lease: Lease, max_messages: int | None, progress: Progress | None) -> BuildReport:
        log = open_event_log(self._workspace)
        sources = list_connected_sources(self._workspace, self._space_id)
        self._replay_new_sources(lease, log, sources)
        report = BuildReport(offset=self._read_offset())
        while max_messages is None or report.read < max_messages:
            self._compute_history(lease, log)
            room = self._batch_messages if max_messages is None else max_messages - report.read
            with without_garbage_collection():
                events = log.read(report.offset, min(room, self._batch_messages))
                if not events:
                    break
                report = self._apply_batch(lease, events, sources, report)
            if progress is not None:
                progress(report)
        return report

    def _compute_history(self, lease: Lease, log: EventLog) -> None:
        if self._engine is not None:
            self._engine.compute_history(self._workspace, self._space_id, log, partial(require_lease, lease=lease))

    def _apply_batch(
        self, lease: Lease, events: Sequence[StoredEvent], sources: set[str], before: BuildReport
    ) -> BuildReport:
        rules = list_rules(self._workspace, self._space_id)
        ours = [event for event in events if event.source_id in sources]
        messages, rules = self._read_messages(ours, rules)
        wanted = find_identifiers(messages, rules)
        around, now = Neighbourhood(self._space_id), self._workspace.now()
        with self._workspace.database.reading() as connection:
            around.load(connection, wanted)
            traits = self._engine.open_batch(connection, self._space_id, now) if self._engine else None
            caps = self._caps or read_caps(connection, self._space_id)
            if traits is not None:
                # a trait that was added a moment ago has no history yet: it starts with that, before the next batch
                traits.leave_out(traits.find_behind(before.offset).keys())
                traits.load(connection, around.profiles.keys())
        applier = BatchApplier(around, rules, traits, caps)
        counts = count_messages(
            ((message.event, applier.apply(message)) for message in messages), self._workspace.now()
        )
        applier.finish()
        offset = events[-1].offset
        with self._workspace.database.transaction() as connection:
            require_lease(connection, lease)
            around.write(connection)
            if traits is not None:
                traits.save(connection, offset)
            elif around.merges:
                reset_traits(connection, self._space_id)
            add_counts(connection, self._space_id, counts, self._workspace.now())
            write_offset(connection, self._space_id, offset, self._workspace.now())
        return BuildReport(
            before.read + len(events),
            before.applied + counts.applied,
            before.profiles_created + around.created,
            before.merges + len(around.merges),
            before.violations + len(around.violations),
            offset,
        )

    def _read_messages(
        self, events: Sequence[StoredEvent], rules: list[IdentifierRule]
    ) -> tuple[list[ReadMessage], list[IdentifierRule]]:
        messages = read_messages(events, rules)
        unknown = dict.fromkeys(type_ for each in messages for type_ in each.extracted.unknown_types)
        room = MAX_EXTERNAL_TYPES - sum(rule.external_only for rule in rules)
        added = list(unknown)[: max(room, 0)]
        if len(added) < len(unknown):
            _LOG.warning("identifier types in externalIds ignored", extra={"types": list(unknown)[len(added) :][:20]})
        if not added:
            return messages, rules
        with self._workspace.database.transaction() as connection:
            add_external_types(connection, self._workspace, self._space_id, added)
        rules = list_rules(self._workspace, self._space_id)
        return read_messages(events, rules), rules

    def _replay_new_sources(self, lease: Lease, log: EventLog, sources: set[str]) -> None:
        with self._workspace.database.reading() as connection:
            new = sources - read_source_markers(connection, self._space_id)
            offset = read_offset(connection, self._space_id)
        if not new:
            return
        counts = log.count_by_source() if offset else {}
        is_passed = any(
            counts.get(source_id) and log.search(source_id=source_id, before=offset + 1, limit=1) for source_id in new
        )
        with self._workspace.database.transaction() as connection:
            require_lease(connection, lease)
            if is_passed:
                clear_space(connection, self._space_id)
            write_source_markers(connection, self._space_id, new, self._workspace.now())

    def _read_offset(self) -> int:
        with self._workspace.database.reading() as connection:
            return read_offset(connection, self._space_id)


def rebuild(workspace: Workspace, space_id: str) -> None:
    """Forget the profiles of the space, so that the next build makes them again from the log, with the same ids.

    Raises:
        RunInProgress: A build is running.
    """
    with hold_lease(workspace.database, f"profiles:{space_id}"), workspace.database.transaction() as connection:
        clear_space(connection, space_id)
