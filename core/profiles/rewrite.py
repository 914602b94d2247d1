"""What differs between a family as the store has it and as it was built again, and how to write just that.

Of a hundred thousand people who hang together by one phone an undo changes two: the store is locked for moments only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, Table, bindparam, delete, select

from core.profiles.changes import note_changes
from core.profiles.family import Family
from core.storage.bulk import select_rows_in, upsert_rows
from core.storage.tables import (
    computed_traits,
    identifiers,
    merges,
    profile_accounts,
    profile_messages,
    profiles,
    trait_states,
    violations,
)

COMPARED_AT_ONCE = 5_000
_PROFILES = (profiles, "id")
OF_A_PROFILE = (
    (identifiers, "profile_id"),
    (profile_accounts, "profile_id"),
    (merges, "survivor_id"),
)
"""The tables that tell of one profile, with the column that names it."""
_BY_MESSAGE = ((profile_messages, "log_offset"), (violations, "log_offset"))
_TOUCHING = ("id", "profile_id", "merged_id", "survivor_id", "merged_into")
_JSON = frozenset({"traits", "reason", "detail", "state"})

_Row = tuple[object, ...]


@dataclass(slots=True)
class Difference:
    """Rows of one table: those that go, and those that come or change."""

    table: Table
    gone: list[_Row] = field(default_factory=list)
    new: list[_Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.gone or self.new)

    def add(self, stored: Iterable[_Row], built: Iterable[_Row]) -> None:
        """Compare rows of the store with those that were built."""
        left, right = set(stored), set(built)
        old, new = ({_make_comparable(self.table, row): row for row in rows} for rows in (left - right, right - left))
        self.gone += [row for key, row in old.items() if key not in new]
        self.new += [row for key, row in new.items() if key not in old]


class Rewrite:
    """What is to be written, and the profiles that rows of it name; false where nothing differs."""

    def __init__(self, space_id: str, differences: Iterable[Difference]) -> None:
        self.space_id = space_id
        self.differences = list(filter(None, differences))
        self.profile_ids = set(_list_touched(self.differences))

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.differences)

    def write(self, connection: Connection) -> None:
        """Write it, in the caller's transaction, and note the profiles it concerns."""
        for each in self.differences:
            _delete_rows(connection, each.table, each.gone)
        for each in self.differences:
            upsert_rows(connection, each.table, each.new)
        note_changes(connection, self.space_id, self.profile_ids)


def compare(stored: Connection, built: Connection, space_id: str, family: Family) -> Rewrite:
    """Compare the family in the store with what was built; O(rows of the family) time, memory for what differs."""
    made = set(built.execute(select(profiles.c.id)).scalars())
    ids, offsets = sorted(family.profile_ids | made), sorted(family.log_offsets)
    fixed = {"space_id": space_id}
    found = [compare_rows(stored, built, table, fixed, column, ids) for table, column in (_PROFILES, *OF_A_PROFILE)]
    found += [compare_rows(stored, built, table, fixed, column, offsets) for table, column in _BY_MESSAGE]
    query = select(computed_traits.c.id).where(computed_traits.c.space_id == space_id)
    for trait_id in stored.execute(query).scalars().all():
        found.append(compare_rows(stored, built, trait_states, {**fixed, "trait_id": trait_id}, "profile_id", ids))
    return Rewrite(space_id, found)


def compare_rows(
    stored: Connection, built: Connection, table: Table, fixed: Mapping[str, object], column: str, values: Sequence[Any]
) -> Difference:
    """Compare the rows whose columns equal `fixed` and whose `column` is in `values`."""
    difference, columns = Difference(table), list(table.columns)
    for start in range(0, len(values), COMPARED_AT_ONCE):
        piece = values[start : start + COMPARED_AT_ONCE]
        difference.add(*(select_rows_in(each, columns, fixed, column, piece) for each in (stored, built)))
    return difference


def _make_comparable(table: Table, row: Iterable[object]) -> _Row:
    return tuple(
        _sort_keys(str(value)) if column.name in _JSON else value
        for column, value in zip(table.columns, row, strict=True)
    )


def _sort_keys(text: str) -> bytes:
    """Return a JSON text with its keys in order: that in which they came depends on batches."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:  # damaged, so that it is like nothing that was built
        return text.encode()


def _list_touched(differences: Iterable[Difference]) -> Iterator[str]:
    for difference in differences:
        places = [place for place, column in enumerate(difference.table.columns) if column.name in _TOUCHING]
        for row in (*difference.gone, *difference.new):
            yield from (str(row[place]) for place in places if row[place] is not None)


def _delete_rows(connection: Connection, table: Table, rows: Collection[_Row]) -> None:
    if not rows:
        return
    keys = [(place, column) for place, column in enumerate(table.columns) if column.primary_key]
    statement = delete(table).where(*(column == bindparam(f"key_{column.name}") for _, column in keys))
    connection.execute(statement, [{f"key_{column.name}": row[place] for place, column in keys} for row in rows])
