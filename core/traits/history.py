"""Compute the history of a trait that is new, was edited, or was disabled for a while: from the whole log, by DuckDB.

It is computed from the start and takes the place of what was there, so a kill in the middle loses nothing and counts
nothing twice: the next builder begins it again. Meanwhile the builder holds the space, so that nothing else changes the
profiles; the log takes messages as always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

import duckdb
from sqlalchemy import ColumnElement, Connection, or_, select, update

from core.errors import StoreUnreadable
from core.events.event_log import EventLog
from core.events.history.relation import open_events
from core.profiles.progress import read_offset
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import compile_trait
from core.traits.history_count import HistoryCount
from core.traits.owners import read_owners
from core.traits.publish import Publisher, TraitChanged
from core.workspaces.workspace import Workspace

EVENT_COLUMNS = ("offset", "type", "name", "received_at", "body")
WRITTEN_PEOPLE = 2_000
_STALE = -1  # as due_at: a state of the computation before, which this one has not come to
_LOG = logging.getLogger(__name__)


def compute_history(
    workspace: Workspace, space_id: str, log: EventLog, check_lease: Callable[[Connection], None]
) -> None:
    """Bring every computed trait of the space to the builder's offset, one after the other.

    A trait whose history cannot be read is noted as failed, with the reason, and does not stop the builder.
    """
    while True:
        with workspace.database.reading() as connection:
            offset = read_offset(connection, space_id)
            trait = _find_behind(connection, space_id, offset)
        if trait is None:
            return
        publisher = Publisher(workspace, space_id, compile_trait(trait), check_lease)
        try:
            _Computation(publisher, offset).run(log)
        except TraitChanged:
            continue
        except (StoreUnreadable, duckdb.Error) as error:
            _LOG.warning("the history of a computed trait was not computed", exc_info=error)
            said = f"{error.message} {error.hint}" if isinstance(error, StoreUnreadable) else _NO_ROOM
            with suppress(TraitChanged):
                publisher.save(progress=None, failure=said)


_NO_ROOM = "Counting the history did not finish: memory or disk did not suffice. The log holds the details."


def _find_behind(connection: Connection, space_id: str, offset: int) -> ComputedTrait | None:
    table = computed_traits.c
    query = select(computed_traits).where(
        table.space_id == space_id,
        table.enabled,
        table.failure.is_(None),
        or_(table.computed_to.is_(None), table.computed_to < offset),
    )
    row = connection.execute(query.order_by(table.created_at, table.id)).first()
    return ComputedTrait(**row._mapping) if row else None


@dataclass(frozen=True, slots=True)
class _Computation:
    """One trait's history, up to the offset of the builder, which holds the space."""

    publisher: Publisher
    offset: int

    def run(self, log: EventLog) -> None:
        publisher = self.publisher
        if self.offset:
            self._mark_stale()
            with open_events(log, EVENT_COLUMNS, types=(publisher.trait.message_type,)) as database:
                with publisher.workspace.database.reading() as connection:
                    owners = partial(read_owners, connection, publisher.space_id, 1, self.offset)
                    count = HistoryCount(database, publisher.trait, 1, self.offset, owners)
                self._write(count)
            while owners_before := self._list_stale():
                publisher.take_back(owners_before)
        publisher.save(progress=None, computed_to=self.offset)

    def _write(self, count: HistoryCount) -> None:
        expected, written = count.estimate_people(), 0
        found = iter(count)
        while states := dict(islice(found, WRITTEN_PEOPLE)):
            written += len(states)
            self.publisher.publish(states, progress=written / max(expected, written + 1))

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
