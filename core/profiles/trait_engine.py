"""The seam between the builder and the computed traits: profiles lie below traits, so the engine is passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from core.events.event_log import EventLog
from core.events.message import Message
from core.workspaces.workspace import Workspace


class TraitUpdate(NamedTuple):
    """A computed value that changed: of which trait, and the newest message that counts in it."""

    trait_id: str
    key: str
    value: object
    at_ms: int
    log_offset: int


class TraitBatch(Protocol):
    """The computed traits during one batch of messages: loaded, changed in memory, saved with the profiles."""

    def find_behind(self, log_offset: int) -> Mapping[str, int]:
        """Return the traits whose history is not computed up to `log_offset`, each with the offset it is at."""
        ...

    def leave_out(self, trait_ids: Collection[str]) -> None:
        """Look at every trait but these."""
        ...

    def is_active(self, trait_id: str) -> bool:
        """Say whether this trait still exists, so that its value is not a person's to overwrite."""
        ...

    def load(self, connection: Connection, profile_ids: Collection[str]) -> None:
        """Load the states of these profiles."""
        ...

    def observe(self, profile_id: str, message: Message, at_ms: int, log_offset: int) -> None:
        """Count one message of a profile."""
        ...

    def merge(self, survivor_id: str, merged_id: str) -> None:
        """Give what was counted for one profile to another."""
        ...

    def leave_out_accounts(self) -> None:
        """Look at people's traits only: what is observed has been counted for its accounts already."""
        ...

    def collect(self) -> Mapping[str, list[TraitUpdate]]:
        """Return the values that may have changed, by profile; None for a value that is there no more."""
        ...

    def save(self, connection: Connection, computed_to: int) -> None:
        """Write the changed states and the offset they stand for, in the caller's transaction."""
        ...


class TraitEngine(Protocol):
    """Opens the traits of a space for a batch."""

    def open_batch(self, connection: Connection, space_id: str, now: datetime) -> TraitBatch:
        """Read the space's definitions; states are loaded later. What has left its window at `now` does not count."""
        ...

    def compute_history(
        self, workspace: Workspace, space_id: str, log: EventLog, check_lease: Callable[[Connection], None]
    ) -> None:
        """Bring every computed trait of the space to the builder's offset."""
        ...
