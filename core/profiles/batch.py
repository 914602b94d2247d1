"""One batch of messages: read by the rules of its space, applied in memory, written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from core.events.event_log import StoredEvent
from core.identity.caps import read_caps
from core.identity.resolve import Caps
from core.identity.rule import IdentifierRule
from core.identity.rules import read_rules
from core.profiles.apply import BatchApplier, find_identifiers, read_messages
from core.profiles.counts import BuildCounts, add_counts, count_messages
from core.profiles.deleted_identifiers import Deletions, apply_deleted, read_deletions
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import reset_traits, write_offset
from core.profiles.reading import SpaceReading, add_filter_counts, read_reading
from core.profiles.trait_engine import TraitBatch

MAX_EXTERNAL_TYPES = 50


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """What a batch goes by: what the space reads, its identifier rules, its caps on one profile."""

    reading: SpaceReading
    rules: list[IdentifierRule]
    caps: Caps

    @property
    def room_for_types(self) -> int:
        """How many identifier types may still add themselves."""
        return max(MAX_EXTERNAL_TYPES - sum(rule.external_only for rule in self.rules), 0)


def read_settings(connection: Connection, space_id: str) -> SpaceSettings:
    """Return the settings of the space as `connection` sees them."""
    return SpaceSettings(
        read_reading(connection, space_id), read_rules(connection, space_id), read_caps(connection, space_id)
    )


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
        space_id, deletions = self.around.space_id, self._deletions
        return (
            read_reading(connection, space_id) == self._settings.reading
            and read_deletions(connection, space_id, deletions.after) == deletions
        )

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
