"""One batch of messages: read by the rules of its space, applied in memory, written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from core.events.event_log import StoredEvent
from core.profiles.apply import BatchApplier, find_identifiers, read_messages
from core.profiles.counts import BuildCounts, add_counts, count_messages
from core.profiles.deleted_identifiers import Deletions, apply_deleted
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import reset_traits, write_offset
from core.profiles.reading import add_filter_counts
from core.profiles.space_state import SpaceSettings, read_state
from core.profiles.trait_engine import TraitBatch


class Batch:
    """Messages of the log between two offsets, and what they make of the profiles around them.

    Args:
        space_id: Whose profiles.
        events: The messages, in the order of the log; at least one.
        settings: What they are read by.
        deletions: Identifiers that go on the way: the batch ends at the first of them.
    """

    def __init__(
        self, space_id: str, events: Sequence[StoredEvent], settings: SpaceSettings, deletions: Deletions
    ) -> None:
        self.offset = min(events[-1].offset, deletions.find_next() or events[-1].offset)
        events = [event for event in events if event.offset <= self.offset]
        self.size = len(events)
        self.around = Neighbourhood(space_id)
        self.counts: BuildCounts
        self._settings = settings
        self._deletions = deletions
        self._selected = settings.reading.select(events)
        self._messages = read_messages(self._selected.ours, settings.rules)
        self._traits: TraitBatch | None = None

    def list_unknown_types(self) -> list[str]:
        """Return the identifier types in `externalIds` that the space has no rule for, as they first come."""
        return list(dict.fromkeys(type_ for each in self._messages for type_ in each.extracted.unknown_types))

    def apply(self, connection: Connection, traits: TraitBatch | None, now: datetime) -> None:
        """Load what is around the messages and apply them to it, in memory."""
        around, settings, self._traits = self.around, self._settings, traits
        around.load(connection, find_identifiers(self._messages, settings.rules))
        if traits is not None:
            traits.load(connection, around.profiles.keys())
        applier = BatchApplier(around, settings.rules, traits, settings.caps)
        outcomes = ((each.event, applier.apply(each)) for each in self._messages)
        self.counts = count_messages(chain(outcomes, self._selected.left_out), now)
        applier.finish()

    def is_current(self, connection: Connection) -> bool:
        """Say whether the messages would be chosen in the same way now, and no identifier was deleted since."""
        state = read_state(connection, self.around.space_id)
        return state.settings.reading == self._settings.reading and state.deletions == self._deletions

    def write(self, connection: Connection, now: datetime) -> None:
        """Write what changed and how far it goes, in the caller's transaction."""
        around = self.around
        around.write(connection)
        if self._traits is not None:
            self._traits.save(connection, self.offset)
        elif around.merges:
            reset_traits(connection, around.space_id)
        add_counts(connection, around.space_id, self.counts)
        add_filter_counts(connection, around.space_id, self._selected)
        apply_deleted(connection, around.space_id, self._deletions.list_until(self.offset))
        write_offset(connection, around.space_id, self.offset, now)
