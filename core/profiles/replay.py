"""Build a family of profiles again from its messages, in a scratch store beside the one that is read meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from core.events.event_log import EventLog, StoredEvent
from core.profiles.batch import Batch
from core.profiles.deleted_identifiers import Deletions, apply_deleted
from core.profiles.family import READ_AT_ONCE, Report
from core.profiles.garbage import without_garbage_collection
from core.profiles.reading import read_all_of
from core.profiles.scratch import Basis, Scratch
from core.profiles.trait_engine import TraitEngine
from core.storage.tables import profile_counts


class Replay:
    """A family on its way, until `close`. `connection` reads what has been built so far."""

    def __init__(self, log: EventLog, space_id: str, engine: TraitEngine, now: datetime) -> None:
        self._log, self._space_id, self._engine, self._now = log, space_id, engine, now
        self._scratch = Scratch()
        self.connection = self._scratch.connection
        self.basis: Basis | None = None

    def start(self, basis: Basis) -> None:
        """Begin, or begin again, by other rules."""
        self.basis = basis
        self._scratch.start(basis)

    def close(self) -> None:
        """Throw away what was built."""
        self._scratch.close()

    def apply(self, basis: Basis, log_offsets: Sequence[int], report: Report) -> int:
        """Apply messages, and return how many of them are no longer in the event log.

        Whatever was applied before either is older or belongs to other families: the order of the log is kept.
        """
        missing = 0
        for start in range(0, len(log_offsets), READ_AT_ONCE):
            piece = log_offsets[start : start + READ_AT_ONCE]
            with without_garbage_collection():
                missing += len(piece) - self._apply(basis, self._log.get_many(piece))
            report(start + len(piece))
        apply_deleted(self.connection, self._space_id, basis.deletions.rows)
        return missing

    def list_left_out(self) -> Counter[tuple[int, str]]:
        """Return how many messages belong to nobody any more, by minute and source."""
        table = profile_counts.c
        rows = self.connection.execute(select(table.minute, table.source_id, table.dropped).where(table.dropped > 0))
        return Counter({(minute, source_id): dropped for minute, source_id, dropped in rows})

    def _apply(self, basis: Basis, events: Sequence[StoredEvent]) -> int:
        settings = replace(basis.settings, reading=read_all_of({event.source_id for event in events}))
        rest = events
        while rest:
            before = rest[0].offset - 1
            apply_deleted(self.connection, self._space_id, basis.deletions.list_until(before))
            traits = self._engine.open_batch(self.connection, self._space_id, self._now)
            traits.leave_out(basis.behind)
            traits.leave_out_accounts()
            batch = Batch(self._space_id, settings, Deletions(before, basis.deletions.rows), traits)
            batch.apply(self.connection, batch.read(rest), self._now)
            batch.finish()
            batch.write(self.connection, self._now)
            self.connection.commit()
            rest = rest[batch.size :]
        return len(events)
