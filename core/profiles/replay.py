"""Build one family of profiles again from its messages, in memory; put it in the place of what the store has of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.events.event_log import EventLog, StoredEvent
from core.identity.kept_apart import KeptApart
from core.identity.resolve import Caps
from core.identity.rule import IdentifierRule
from core.profiles.apply import BatchApplier
from core.profiles.family import Family, Report, read_in_pieces
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.trait_engine import TraitBatch


@dataclass(slots=True)
class Replayed:
    """A family built again: its profiles, and the messages that no longer belong to any.

    `missing` counts messages that were dropped from the event log since the family was found.
    """

    around: Neighbourhood
    left_out: list[StoredEvent]
    missing: int

    def find_survivor(self, profile_id: str) -> str:
        """Return what `profile_id` has become."""
        profile = self.around.profiles[profile_id]
        while profile.merged_into is not None:
            profile = self.around.profiles[profile.merged_into]
        return profile.id


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """By what a family is built again."""

    identifiers: Sequence[IdentifierRule]
    caps: Caps | None
    kept_apart: Iterable[tuple[str, str]]


def replay_family(
    log: EventLog, space_id: str, family: Family, rules: ReplayRules, traits: TraitBatch | None, report: Report
) -> Replayed:
    """Apply the family's messages, in the order of the log, as if there had never been any of its profiles.

    O(messages of the family) time; memory for its profiles and for one piece of its messages.
    """
    around = Neighbourhood(space_id)
    around.apart = KeptApart(rules.kept_apart)
    applier = BatchApplier(around, rules.identifiers, traits, rules.caps)
    left_out: list[StoredEvent] = []
    done = missing = 0
    for read, messages in read_in_pieces(log, family.log_offsets, rules.identifiers):
        left_out += [each.event for each in messages if not applier.apply(each)]
        done, missing = done + read, missing + read - len(messages)
        report(done)
    applier.finish()
    return Replayed(around, left_out, missing)
