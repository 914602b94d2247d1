"""Compute the history of a trait that is new, was edited, or was disabled for a while: from the whole log, by DuckDB.

It is computed from the start and takes the place of what was there, so a kill in the middle loses nothing and counts
nothing twice: the next builder begins it again. Meanwhile the builder holds the space, so that nothing else changes the
profiles; the log takes messages as always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import duckdb
from sqlalchemy import Connection, or_, select, update

from core.clock import to_millis
from core.errors import StoreUnreadable
from core.events.event_log import EventLog
from core.events.history.relation import open_events
from core.profiles.neighbourhood import Neighbourhood
from core.profiles.progress import read_offset
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait, Scope
from core.traits.definition import CompiledTrait, compile_trait
from core.traits.history_count import HistoryCount
from core.traits.kinds import State
from core.traits.owners import read_owners
from core.traits.states import StateKey, delete_states, write_states
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
        computation = _Computation(workspace, space_id, compile_trait(trait), offset, check_lease)
        try:
            computation.run(log)
        except (StoreUnreadable, duckdb.Error) as error:
            _LOG.warning("the history of a computed trait was not computed", exc_info=error)
            said = f"{error.message} {error.hint}" if isinstance(error, StoreUnreadable) else _NO_ROOM
            computation.save(progress=None, failure=said)


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

    workspace: Workspace
    space_id: str
    trait: CompiledTrait
    offset: int
    check_lease: Callable[[Connection], None]

    def run(self, log: EventLog) -> None:
        if self.offset:
            self._start()
            with open_events(log, EVENT_COLUMNS) as database:
                with self.workspace.database.reading() as connection:
                    owners = partial(read_owners, connection, self.space_id, 1, self.offset)
                    count = HistoryCount(database, self.trait, 1, self.offset, owners)
                self._write(count)
            self._clear_stale()
        self.save(progress=None, computed_to=self.offset)

    def save(self, **values: object) -> None:
        with self.workspace.database.transaction() as connection:
            self.check_lease(connection)
            self._save_in(connection, values)

    def _save_in(self, connection: Connection, values: dict[str, object]) -> None:
        connection.execute(update(computed_traits).where(computed_traits.c.id == self.trait.id).values(values))

    def _start(self) -> None:
        states = trait_states.c
        with self.workspace.database.transaction() as connection:
            self.check_lease(connection)
            its = (states.space_id == self.space_id, states.trait_id == self.trait.id)
            connection.execute(update(trait_states).where(*its).values(due_at=_STALE))
            self._save_in(connection, {"progress": 0.0, "computed_to": None})

    def _write(self, count: HistoryCount) -> None:
        expected, written = count.estimate_people(), 0
        found = iter(count)
        while people := dict(islice(found, WRITTEN_PEOPLE)):
            written += len(people)
            self._write_some(people, written / max(expected, written + 1))

    def _write_some(self, states: dict[str, State], progress: float) -> None:
        now_ms = to_millis(self.workspace.now())
        around = self._load(list(states))
        for owner, profile in around.profiles.items():
            state = states[owner]
            value = self.trait.window.read(state, now_ms)
            entry = profile.traits.get(self.trait.key)
            if value is not None or (entry is not None and entry[3] == self.trait.id and entry[0] is not None):
                profile.put_trait(self.trait.key, [value, state["at"], state["offset"], self.trait.id], self._is_this)
                around.touch(profile)
        with self.workspace.database.transaction() as connection:
            self.check_lease(connection)
            around.write(connection)
            keyed = {StateKey(self.trait.id, owner): state for owner, state in states.items()}
            write_states(connection, self.space_id, {self.trait.id: self.trait}, keyed, now_ms)
            self._save_in(connection, {"progress": progress})

    def _clear_stale(self) -> None:
        for owners in self._list_stale():
            around = self._load(owners)
            for profile in around.profiles.values():
                entry = profile.traits.get(self.trait.key)
                if entry is not None and entry[3] == self.trait.id and entry[0] is not None:
                    profile.put_trait(self.trait.key, [None, *entry[1:]], self._is_this)
                    around.touch(profile)
            with self.workspace.database.transaction() as connection:
                self.check_lease(connection)
                around.write(connection)
                delete_states(connection, self.space_id, [StateKey(self.trait.id, owner) for owner in owners])

    def _list_stale(self) -> Iterator[Sequence[str]]:
        states = trait_states.c
        query = select(states.profile_id).where(
            states.space_id == self.space_id, states.trait_id == self.trait.id, states.due_at == _STALE
        )
        while True:
            with self.workspace.database.reading() as connection:
                owners = connection.execute(query.limit(WRITTEN_PEOPLE)).scalars().all()
            if not owners:
                return
            yield owners

    def _load(self, owners: Sequence[str]) -> Neighbourhood:
        around = Neighbourhood(self.space_id)
        if self.trait.scope is Scope.USER:
            with self.workspace.database.reading() as connection:
                around.load_profiles(connection, set(owners))
        return around

    def _is_this(self, trait_id: str) -> bool:
        return trait_id == self.trait.id
