"""Compute the history of a trait that is new, was edited, or was disabled for a while: from the whole log, by DuckDB.

It is computed from the start and takes the place of what was there, so a kill in the middle loses nothing and counts
nothing twice: the next builder begins it again. Meanwhile the builder holds the space, so that nothing else changes the
profiles; the log takes messages as always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import islice

import duckdb
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, or_, select, update

from core.clock import to_millis
from core.errors import StoreUnreadable
from core.events.event_log import EventLog
from core.events.history.relation import open_events
from core.profiles.progress import read_offset
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import COUNTED_TYPES, CompiledTrait, compile_trait
from core.traits.history_count import HistoryCount
from core.traits.owner_map import Offsets, OwnerMap
from core.traits.owners import read_owners
from core.traits.publish import Publisher, TraitChanged
from core.workspaces.workspace import Workspace

EVENT_COLUMNS = ("offset", "type", "name", "received_at", "body")
WRITTEN_PEOPLE = 10_000
_STALE = -1  # as due_at: a state of the computation before, which this one has not come to
_LOG = logging.getLogger(__name__)


def compute_history(
    workspace: Workspace, space_id: str, log: EventLog, check_lease: Callable[[Connection], None]
) -> None:
    """Bring every computed trait of the space to the builder's offset, one after the other.

    A trait whose history cannot be read is noted as failed, with the reason, and does not stop the builder.
    """
    with workspace.database.reading() as connection:
        reading = _Reading(workspace, space_id, log, read_offset(connection, space_id))
    with closing(reading):
        while (trait := reading.find_behind()) is not None:
            publisher = Publisher(workspace, space_id, compile_trait(trait), check_lease)
            try:
                _Computation(publisher, reading).run()
            except TraitChanged:
                continue
            except (StoreUnreadable, duckdb.Error, OSError) as error:
                _LOG.warning("the history of a computed trait was not computed", exc_info=error)
                reading.close()
                said = f"{error.message} {error.hint}" if isinstance(error, StoreUnreadable) else _NO_ROOM
                with suppress(TraitChanged):
                    publisher.save(progress=None, failure=said, updated_at=workspace.now())


_NO_ROOM = "Counting the history did not finish: memory or disk did not suffice. The log holds the details."


class _Reading:
    """The log up to the builder's offset, and whose each message is: read once for all traits of the space."""

    def __init__(self, workspace: Workspace, space_id: str, log: EventLog, offset: int) -> None:
        self._workspace, self._space_id, self._log = workspace, space_id, log
        self.offset = offset
        self._stack = ExitStack()
        self._opened: tuple[duckdb.DuckDBPyConnection, OwnerMap] | None = None

    def find_behind(self) -> ComputedTrait | None:
        """Return the next trait that is not computed up to the offset."""
        table = computed_traits.c
        query = select(computed_traits).where(
            table.space_id == self._space_id,
            table.enabled,
            table.failure.is_(None),
            or_(table.computed_to.is_(None), table.computed_to < self.offset),
        )
        with self._workspace.database.reading() as connection:
            row = connection.execute(query.order_by(table.created_at, table.id)).first()
        return ComputedTrait(**row._mapping) if row else None

    def count(self, trait: CompiledTrait) -> HistoryCount:
        """Count the trait; good until the next one is counted."""
        with ExitStack() as failing:
            failing.push(self._stack)  # it says in our words what is wrong with a file of the log
            if self._opened is None:
                database = self._stack.enter_context(open_events(self._log, EVENT_COLUMNS, types=COUNTED_TYPES))
                who = self._stack.enter_context(OwnerMap(database, 1, self.offset, self._read_owners))
                self._opened = database, who
            count = HistoryCount(self._opened[0], trait, self._opened[1])
            failing.pop_all()
        return count

    def close(self) -> None:
        """Let go of what was read; it can be read again."""
        self._opened = None
        self._stack.close()

    def _read_owners(self, only: Offsets | None) -> Iterator[pa.Table]:
        with self._workspace.database.reading() as connection:
            yield from read_owners(connection, self._space_id, 1, self.offset, only)


@dataclass(frozen=True, slots=True)
class _Computation:
    """One trait's history, up to the offset of the builder, which holds the space."""

    publisher: Publisher
    reading: _Reading

    def run(self) -> None:
        publisher, offset = self.publisher, self.reading.offset
        if offset:
            self._mark_stale()
            self._write(self.reading.count(publisher.trait))
            while owners_before := self._list_stale():
                publisher.take_back(owners_before)
        publisher.save(progress=None, computed_to=offset)

    def _write(self, count: HistoryCount) -> None:
        clock = self.publisher.workspace.clock
        expected, written = count.estimate_people(), 0
        found = count.read(lambda: to_millis(clock.now()))
        while some := list(islice(found, WRITTEN_PEOPLE)):
            written += len(some)
            self.publisher.publish(some, progress=written / max(expected, written + 1))

    def _mark_stale(self) -> None:
        self.publisher.save(progress=0.0, computed_to=None)
        with self.publisher.workspace.database.transaction() as connection:
            self.publisher.check(connection)
            connection.execute(update(trait_states).where(*self._where_its()).values(due_at=_STALE))

    def _list_stale(self) -> Sequence[str]:
        query = select(trait_states.c.profile_id).where(*self._where_its(), trait_states.c.due_at == _STALE)
        with self.publisher.workspace.database.reading() as connection:
            return connection.execute(query.limit(WRITTEN_PEOPLE)).scalars().all()

    def _where_its(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        states, publisher = trait_states.c, self.publisher
        return states.space_id == publisher.space_id, states.trait_id == publisher.trait.id
