"""Build a family of profiles again from its messages, in a scratch store beside the one that is read meanwhile.

The scratch store is a SQLite database without a name: in memory while it is small, then in a file that nobody sees and
that is gone with the process. So the size of a family is bounded by the disk, and a kill leaves nothing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, delete, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from core.events.event_log import EventLog, StoredEvent
from core.profiles.batch import Batch
from core.profiles.deleted_identifiers import Deletions, apply_deleted, read_deletions
from core.profiles.family import READ_AT_ONCE, Report
from core.profiles.garbage import without_garbage_collection
from core.profiles.reading import read_all_of
from core.profiles.space_state import SpaceSettings, read_state
from core.profiles.trait_engine import TraitEngine
from core.storage.tables import (
    computed_traits,
    filter_counts,
    identifiers,
    kept_apart,
    merges,
    profile_accounts,
    profile_changes,
    profile_counts,
    profile_messages,
    profile_versions,
    profiles,
    reader_offsets,
    trait_states,
    violations,
)

CACHE_KB = 64_000
_TABLES: tuple[Table, ...] = (
    profiles,
    identifiers,
    profile_messages,
    profile_accounts,
    merges,
    violations,
    trait_states,
    kept_apart,
    computed_traits,
    profile_changes,
    profile_versions,
    profile_counts,
    filter_counts,
    reader_offsets,
)


@dataclass(frozen=True, slots=True)
class Basis:
    """By what a family is built again: when it changes meanwhile, the work was for nothing.

    `behind` are traits whose history is not computed yet; they are left to that. `deletions` are all that the builder
    has come to.
    """

    settings: SpaceSettings
    kept_apart: Sequence[Mapping[str, Any]]
    traits: Sequence[Mapping[str, Any]]
    behind: Collection[str]
    deletions: Deletions


def read_basis(connection: Connection, space_id: str, engine: TraitEngine, offset: int, now: datetime) -> Basis:
    """Return what counts in the space at this moment, its builder being at `offset`."""
    deleted = read_deletions(connection, space_id, -1)
    apart = select(kept_apart).where(kept_apart.c.space_id == space_id).order_by(*kept_apart.primary_key)
    traits = select(computed_traits).where(computed_traits.c.space_id == space_id).order_by(computed_traits.c.id)
    return Basis(
        read_state(connection, space_id).settings,
        [dict(row._mapping) for row in connection.execute(apart)],
        [{**row._mapping, "computed_to": None, "progress": None} for row in connection.execute(traits)],
        set(engine.open_batch(connection, space_id, now).find_behind(offset)),
        Deletions(-1, deleted.list_until(offset)),
    )


class Replay:
    """A family on its way, until `close`. `connection` reads what has been built so far."""

    def __init__(self, log: EventLog, space_id: str, engine: TraitEngine, now: datetime) -> None:
        self._log, self._space_id, self._engine, self._now = log, space_id, engine, now
        self.connection = _get_engine().connect()
        self.basis: Basis | None = None

    def start(self, basis: Basis) -> None:
        """Begin, or begin again, by other rules."""
        self.basis = basis
        for table in _TABLES:
            self.connection.execute(delete(table))
        for table, rows in ((kept_apart, basis.kept_apart), (computed_traits, basis.traits)):
            if rows:
                self.connection.execute(insert(table), list(rows))

    def close(self) -> None:
        """Throw away what was built."""
        self.connection.close()

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


@cache
def _get_engine() -> Engine:
    return create_engine("sqlite://", creator=_open_scratch, poolclass=NullPool)  # each connection: a store of its own


def _open_scratch() -> sqlite3.Connection:
    connection = sqlite3.connect("", check_same_thread=False)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(_write_schema())
    return connection


@cache
def _write_schema() -> str:
    indexes = [CreateIndex(index) for table in _TABLES for index in table.indexes]
    statements: list[DDLElement] = [*map(CreateTable, _TABLES), *indexes]
    return ";".join(str(each.compile(dialect=sqlite.dialect())) for each in statements)
