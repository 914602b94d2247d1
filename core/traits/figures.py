"""How the computed traits of a space stand: how many have each, and how far it is behind the log."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.event_log import open_event_log
from core.traits.computed_trait import ComputedTrait, TraitStatus
from core.traits.store import count_owners, list_traits
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TraitFigures:
    """One trait: `owners` people or accounts have a value, and `behind` messages of the log are not in it yet."""

    trait: ComputedTrait
    owners: int
    behind: int

    @property
    def is_moving(self) -> bool:
        """Whether it is worth looking again in a moment."""
        is_waiting = self.trait.status in (TraitStatus.PREPARING, TraitStatus.COMPUTING)
        return is_waiting or (self.trait.status is TraitStatus.LIVE and self.behind > 0)


def read_figures(workspace: Workspace, space_id: str) -> list[TraitFigures]:
    """Return the figures of every trait, in the order of the traits. O(people who have one)."""
    end = open_event_log(workspace).last_offset()
    return [
        TraitFigures(trait, count_owners(workspace, trait), max(0, end - (trait.computed_to or 0)))
        for trait in list_traits(workspace, space_id)
    ]
