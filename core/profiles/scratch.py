"""A store beside the one that is read meanwhile, in which profiles are built again.

It is a SQLite database without a name: in memory while it is small, then in a file that nobody sees and that is gone
with the process. So what is built again is bounded by the disk, and a kill leaves nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, delete, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from core.profiles.deleted_identifiers import Deletions, read_deletions
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
    """By what profiles are built again: when it changes meanwhile, the work was for nothing.

    `behind` are traits whose history is not computed yet; they are left to that. `deletions` are all that the builder
    has come to.
    """

    settings: SpaceSettings
    kept_apart: Sequence[Mapping[str, Any]]
    traits: Sequence[Mapping[str, Any]]
    behind: Collection[str]
    deletions: Deletions


def read_basis(connection: Connection, space_id: str, engine: TraitEngine | None, offset: int, now: datetime) -> Basis:
    """Return what counts in the space at this moment, its builder being at `offset`; no traits without an `engine`."""
    deleted = read_deletions(connection, space_id, -1)
    apart = select(kept_apart).where(kept_apart.c.space_id == space_id).order_by(*kept_apart.primary_key)
    query = select(computed_traits).where(computed_traits.c.space_id == space_id).order_by(computed_traits.c.id)
    traits = connection.execute(query).all() if engine else []
    return Basis(
        read_state(connection, space_id).settings,
        [dict(row._mapping) for row in connection.execute(apart)],
        [{**row._mapping, "computed_to": None, "progress": None} for row in traits],
        set(engine.open_batch(connection, space_id, now).find_behind(offset)) if engine else set(),
        Deletions(-1, deleted.list_until(offset)),
    )


class Scratch:
    """The store beside, until `close`. `connection` reads and writes it."""

    def __init__(self) -> None:
        self.connection = _get_engine().connect()

    def start(self, basis: Basis) -> None:
        """Empty it, and put in what a builder goes by."""
        for table in _TABLES:
            self.connection.execute(delete(table))
        for table, rows in ((kept_apart, basis.kept_apart), (computed_traits, basis.traits)):
            if rows:
                self.connection.execute(insert(table), list(rows))

    def close(self) -> None:
        """Throw away what was built."""
        self.connection.close()


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
