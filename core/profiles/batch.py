"""One batch of messages: read in parts by the rules of its space, applied in memory, written in one transaction.

A part is as many messages as the processor's cache takes with all their objects; what is around the parts stays in
memory, so that a profile is loaded and written once for all messages of the batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

from sqlalchemy import Connection

from core.events.event_log import StoredEvent
from core.identity.rules import add_external_types
from core.profiles.apply import BatchApplier, ReadMessage, find_identifiers, read_messages
from core.profiles.counts import BuildCounts, add_counts, count_messages
from core.profiles.deleted_identifiers import Deletions, apply_deleted
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import reset_traits, write_offset
from core.profiles.reading import FilterCounts, Selected, add_filter_counts
from core.profiles.space_state import SpaceSettings, read_state
from core.profiles.trait_engine import TraitBatch
from core.storage.bulk import without_waiting
from core.workspaces.workspace import Workspace

MAX_BYTES = 64_000_000  # of messages
BATCH_MESSAGES = 20_000  # written at once: a page of the store that many of them change is written once
PART_MESSAGES = 4_000  # applied at once: the objects of more are too many for the processor's cache

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that were read: how many of the log, how far they go, those that count and those that are left out."""

    size: int
    offset: int
    selected: Selected
    messages: Sequence[ReadMessage]

    def list_unknown_types(self) -> list[str]:
        """Return the identifier types in `externalIds` that the space has no rule for, as they first come."""
        return list(dict.fromkeys(type_ for each in self.messages for type_ in each.extracted.unknown_types))


class Batch:
    """Messages of the log between two offsets, and what they make of the profiles around them.

    Args:
        space_id: Whose profiles.
        settings: What they are read by.
        deletions: Identifiers that go on the way: the batch begins behind `deletions.after` and ends at the first.
        traits: The computed traits; None leaves them to a later builder.
    """

    def __init__(self, space_id: str, settings: SpaceSettings, deletions: Deletions, traits: TraitBatch | None) -> None:
        self.size = self.applied = self._bytes = 0
        self.offset = deletions.after
        self.around = Neighbourhood(space_id)
        self._counts: list[BuildCounts] = []
        self._end = deletions.find_next()
        self._filtered = FilterCounts()
        self._settings = settings
        self._deletions = deletions
        self._traits = traits
        self._applier = BatchApplier(self.around, settings.rules, traits, settings.caps)

    @property
    def is_full(self) -> bool:
        """Whether it is to be written before more is read: identifiers go at its end, or its messages are large."""
        return self._bytes >= MAX_BYTES or (self._end is not None and self.offset >= self._end)

    @property
    def room_for_types(self) -> int:
        """How many identifier types may still add themselves."""
        return self._settings.room_for_types

    def read(self, events: Sequence[StoredEvent]) -> Part:
        """Read the next messages, in the order of the log; at least one. Those behind the batch's end are left."""
        offset = min(events[-1].offset, self._end or events[-1].offset)
        events = [event for event in events if event.offset <= offset]
        selected = self._settings.reading.select(events)
        return Part(len(events), offset, selected, read_messages(selected.ours, self._settings.rules))

    def apply(self, connection: Connection, part: Part, now: datetime) -> None:
        """Load what is around the messages and not there yet, and apply them to it, in memory."""
        new = self.around.load(connection, find_identifiers(part.messages, self._settings.rules))
        if self._traits is not None and new:
            self._traits.load(connection, new)
        outcomes = ((each.event, self._applier.apply(each)) for each in part.messages)
        counts = count_messages(chain(outcomes, part.selected.left_out), now)
        self._counts.append(counts)
        self._filtered.add(part.selected)
        self.applied += counts.applied
        self.size += part.size
        self._bytes += sum(len(each.event.body) for each in part.messages)
        self.offset = part.offset

    def finish(self) -> None:
        """Put the computed values on the profiles, once for all messages."""
        self._applier.finish()

    def is_current(self, connection: Connection) -> bool:
        """Say whether the messages would be chosen in the same way now, and no identifier was deleted since."""
        state = read_state(connection, self.around.space_id)
        return state.settings.reading == self._settings.reading and state.deletions == self._deletions

    def write(self, connection: Connection, now: datetime) -> None:
        """Write what changed and how far it goes, in the caller's transaction."""
        around = self.around
        with without_waiting(connection):
            around.write(connection)
            if self._traits is not None:
                self._traits.save(connection, self.offset)
            elif around.merges:
                reset_traits(connection, around.space_id)
            for counts in self._counts:
                add_counts(connection, around.space_id, counts)
            add_filter_counts(connection, around.space_id, self._filtered)
            write_offset(connection, around.space_id, self.offset, now)
        apply_deleted(connection, around.space_id, self._deletions.list_until(self.offset))


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. `read` counts messages of the log, `applied` those that reached a profile."""

    read: int = 0
    applied: int = 0
    profiles_created: int = 0
    merges: int = 0
    violations: int = 0
    offset: int = 0

    def add(self, batch: Batch, offset: int | None = None) -> BuildReport:
        """Return the report with a batch more, the builder being at `offset`; None: at the batch's end."""
        around = batch.around
        return BuildReport(
            self.read + batch.size,
            self.applied + batch.applied,
            self.profiles_created + around.created,
            self.merges + len(around.merges),
            self.violations + len(around.violations),
            batch.offset if offset is None else offset,
        )


def add_unknown_types(
    connection: Connection, workspace: Workspace, space_id: str, unknown: Sequence[str], room: int
) -> bool:
    """Add identifier types that first came in `externalIds`, at most `room`, in the caller's transaction.

    Returns whether there was any.
    """
    if len(unknown) > room:
        _LOG.warning("identifier types in externalIds ignored", extra={"types": unknown[room:][:20]})
    added = unknown[:room]
    if added:
        add_external_types(connection, workspace, space_id, added)
    return bool(added)


class BatchFiller(Protocol):
    """Where the batches of a build come from and go to."""

    def open_batch(self) -> Batch:
        """Return an empty batch that begins where the build is."""
        ...

    def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the next messages of the log, at most `limit`."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Open the profiles that are there."""
        ...

    def add_types(self, unknown: Sequence[str], room: int) -> bool:
        """Add identifier types as `add_unknown_types` does."""
        ...


def fill_batch(filler: BatchFiller, limit: int, part_messages: int, now: datetime) -> Batch:
    """Apply the next messages of the log, at most `limit`, part by part; none at the log's end."""
    batch = filler.open_batch()
    while batch.size < limit and not batch.is_full:
        events = filler.read(batch.offset, min(part_messages, limit - batch.size))
        if not events:
            break
        part = batch.read(events)
        unknown = part.list_unknown_types()
        if unknown and batch.size and batch.room_for_types:
            break  # what is applied is written first, as it was read: by the rules of before
        if unknown and filler.add_types(unknown, batch.room_for_types):
            batch = filler.open_batch()
            part = batch.read(events)
        with filler.reading() as connection:
            batch.apply(connection, part, now)
    batch.finish()
    return batch
