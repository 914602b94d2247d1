"""Build all profiles of a space again, in a store beside the one that is read, and put them in its place.

Whoever looks somebody up finds the profiles as they were until the new ones are there, and live events go on being
applied to them. When the new ones have caught up with the builder, what differs is written
(`core/profiles/replacement.py`). What the rebuild goes by may change meanwhile (a rule, a trait, a filter, a deletion
of people): then it begins again.

A rebuild is asked for by a row in the store, and by taking away what says which sources the profiles include. Both are
as they were until the end, so a kill loses the work and nothing else: the next builder begins again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select

from core.errors import RunInProgress, StorageFull
from core.events.event_log import EventLog, StoredEvent
from core.identity.resolve import Caps
from core.profiles.batch import Batch, add_unknown_types, fill_batch
from core.profiles.deleted_identifiers import Deletions
from core.profiles.garbage import without_garbage_collection
from core.profiles.progress import end_rebuild, note_rebuilt, read_offset, reset_traits
from core.profiles.replacement import Replacement
from core.profiles.scratch import Basis, Scratch, read_basis
from core.profiles.trait_engine import TraitEngine
from core.storage.tables import filter_counts, profile_counts, regulations
from core.workspaces.workspace import Workspace

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stand:
    """What a rebuild goes by: its basis, and the deletions of people, each with whether it is still going on."""

    basis: Basis
    erased: frozenset[tuple[str, bool]]

    @property
    def is_erasing(self) -> bool:
        """Whether people are being deleted at this moment."""
        return any(is_going for _, is_going in self.erased)

    def is_like(self, other: _Stand, offset: int) -> bool:
        """Say whether what is built up to `offset` is the same by either."""
        mine, its = self.basis, other.basis
        return (
            (mine.settings, mine.kept_apart, mine.traits) == (its.settings, its.kept_apart, its.traits)
            and mine.deletions.list_until(offset) == its.deletions.list_until(offset)
            and self.erased == other.erased
        )


class Rebuild:
    """The profiles of one space on their way, until `close`.

    Args:
        workspace: Where the log and the store are.
        log: The log.
        space_id: Whose profiles.
        engine: Computes traits; None leaves them to a later builder that has one.
        part_messages: Messages that are applied together.
        caps: The caps on one profile; None: those of the space.
    """

    def __init__(
        self,
        workspace: Workspace,
        log: EventLog,
        space_id: str,
        engine: TraitEngine | None,
        part_messages: int,
        caps: Caps | None,
    ) -> None:
        self._workspace, self._log, self._space_id, self._engine = workspace, log, space_id, engine
        self._part_messages, self._caps = part_messages, caps
        self._scratch = Scratch()
        self._stand: _Stand | None = None
        self._offset = self._until = 0

    @property
    def has_to_wait(self) -> bool:
        """Whether people are being deleted, whose messages may be in what is built."""
        return self._stand is not None and self._stand.is_erasing

    def close(self) -> None:
        """Throw away what was built beside."""
        self._scratch.close()

    def advance(self, limit: int) -> Batch | None:
        """Build at most `limit` messages more, and no more than are applied together, as live events wait for it.

        Returns them, or None where it has caught up with the builder.
        """
        now = self._workspace.now()
        try:
            batch = self._build_more(limit, now)
        except StorageFull as error:  # the store beside is what grows
            raise StorageFull(
                "There is no room for building the profiles again; they stay as they are.",
                hint="Free some space where SQLite keeps temporary files: SQLITE_TMPDIR, else /var/tmp or /tmp.",
            ) from error
        if batch is not None:
            self._offset = batch.offset
            with self._workspace.database.transaction(may_be_lost=True) as connection:
                note_rebuilt(connection, self._space_id, self._offset, now)
        return batch

    def _build_more(self, limit: int, now: datetime) -> Batch | None:
        with self._workspace.database.reading() as connection:  # a full disk is told in its words, for both stores
            self._look(connection)
            if self._offset >= self._until:
                return None
            with without_garbage_collection():
                batch = fill_batch(self, min(limit, self._part_messages), self._part_messages, now)
                if not batch.size:  # the log ends before the builder's offset: messages at its end were deleted
                    self._offset = self._until
                    return None
                batch.write(self._scratch.connection, now)
                self._scratch.connection.commit()
        return batch

    def put_in_place(self, check: Callable[[Connection], None]) -> bool:
        """Write what differs, and that the rebuild is over; False where it has to go on first.

        The caller holds the space; `check` fails in a transaction where that is no longer so.
        """
        with self._workspace.database.reading() as connection:
            self._look(connection)
        stand = self._stand
        if stand is None or self._offset < self._until or stand.is_erasing:
            return False

        @contextmanager
        def writing() -> Iterator[Connection]:
            with self._workspace.database.transaction(may_be_lost=True) as connection:
                check(connection)
                if not stand.is_like(self._read_stand(connection), self._until):
                    raise RunInProgress(
                        "What the profiles are built by has changed.", hint="They are built again by what counts now."
                    )
                yield connection

        built = self._scratch.connection
        Replacement(self._workspace.database, writing, built, self._space_id).carry_out(self._until)
        with writing() as connection:
            for table in (profile_counts, filter_counts):
                _replace_rows(connection, built, table, self._space_id)
            if self._engine is None:
                reset_traits(connection, self._space_id)
            replays = stand.basis.settings.reading.replays
            end_rebuild(connection, self._space_id, replays, self._workspace.now())
        return True

    def open_batch(self) -> Batch:
        """Return an empty batch that begins where the rebuild is."""
        if self._stand is None:
            raise AssertionError("what it goes by is read first")
        basis, traits = self._stand.basis, None
        if self._engine is not None:
            traits = self._engine.open_batch(self._scratch.connection, self._space_id, self._workspace.now())
        settings = replace(basis.settings, caps=self._caps) if self._caps else basis.settings
        return Batch(self._space_id, settings, Deletions(self._offset, basis.deletions.rows), traits)

    def read(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the next messages of the log, none that the builder has not come to."""
        return [event for event in self._log.read(after, limit) if event.offset <= self._until]

    def reading(self) -> AbstractContextManager[Connection]:
        """Open the profiles that are built."""
        return nullcontext(self._scratch.connection)

    def add_types(self, unknown: Sequence[str], room: int) -> bool:
        """Add identifier types that first came in `externalIds`; what was built by the rules of before stays."""
        with self._workspace.database.transaction() as connection:
            before = self._read_stand(connection)
            is_added = add_unknown_types(connection, self._workspace, self._space_id, unknown, room)
            if self._stand is not None and self._stand.is_like(before, self._offset):
                self._stand = self._read_stand(connection)
        return is_added

    def _look(self, connection: Connection) -> None:
        """Look how far the builder is; begin again where what this goes by has changed."""
        self._until = read_offset(connection, self._space_id)
        found, before = self._read_stand(connection), self._stand
        if before is None or self._until < self._offset or not before.is_like(found, self._offset):
            if self._offset:
                _LOG.info("a rebuild begins again: what it goes by has changed", extra={"space_id": self._space_id})
            self._scratch.start(found.basis)
            self._scratch.connection.commit()
            self._offset = 0
        self._stand = found

    def _read_stand(self, connection: Connection) -> _Stand:
        now, table = self._workspace.now(), regulations.c
        query = select(table.id, table.finished_at, table.error).where(table.started_at.is_not(None))
        erased = frozenset((row.id, row.finished_at is None and row.error is None) for row in connection.execute(query))
        return _Stand(read_basis(connection, self._space_id, self._engine, self._until, now), erased)


def _replace_rows(connection: Connection, built: Connection, table: Table, space_id: str) -> None:
    connection.execute(delete(table).where(table.c.space_id == space_id))
    rows = [dict(row._mapping) for row in built.execute(select(table).where(table.c.space_id == space_id))]
    if rows:
        connection.execute(insert(table), rows)
