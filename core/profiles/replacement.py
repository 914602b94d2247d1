"""Put what was built beside in the place of a space's profiles: page by page, and just what differs.

Whoever reads meanwhile finds everybody, because of the order:
1. Profiles that are new or differ, so that whatever names a profile finds it.
2. What belongs to each profile, and what was counted. An identifier changes hands in one statement, and so is never
   without a profile.
3. Whose each message is, and the violations.
4. Profiles that no message makes any more go last.

A kill between two pages leaves a mixture of old and new profiles; carried out again, it comes to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, select

from core.profiles.rewrite import (
    OF_A_PROFILE,
    Difference,
    compare_rows,
    find_touched,
    write_differences,
)
from core.storage.bulk import select_among
from core.storage.database import Database
from core.storage.tables import computed_traits, identifiers, profile_messages, profiles, trait_states, violations

PAGE_OWNERS = 2_000
PAGE_MESSAGES = 5_000

Writing = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction of the store, and fails where what was built is out of date."""

_Page = TypeVar("_Page")
_HELD = """ SELECT i.* FROM wanted CROSS JOIN identifiers AS i
    WHERE i.space_id = ? AND i.type = wanted.name AND i.value = wanted.value"""


class Replacement:
    """Compares and writes one space.

    Args:
        database: The store.
        writing: Opens a transaction of it.
        built: The store beside.
        space_id: Whose profiles.
    """

    def __init__(self, database: Database, writing: Writing, built: Connection, space_id: str) -> None:
        self._database, self._writing, self._built = database, writing, built
        self._space_id = space_id
        self._fixed = {"space_id": space_id}

    def carry_out(self, last_offset: int) -> None:
        """Write what differs up to this message. O(rows of the space) time, and memory for one page of them."""
        for ids in self._list_built(profiles.c.id):
            self._write(self._compare_profiles, ids)
        for ids in self._list_stored(profiles.c.id):
            self._write(self._compare_belongings, ids)
        self._replace_states()
        for first in range(1, last_offset + 1, PAGE_MESSAGES):
            self._write(self._compare_messages, (first, min(first + PAGE_MESSAGES - 1, last_offset)))
        for ids in self._list_stored(profiles.c.id):
            self._write(self._compare_profiles, ids)

    def _replace_states(self) -> None:
        with self._database.reading() as stored:
            query = select(computed_traits.c.id).where(computed_traits.c.space_id == self._space_id)
            trait_ids = stored.execute(query).scalars().all()
        for trait_id in trait_ids:
            compare = partial(self._compare_states, trait_id)
            owner, is_its = trait_states.c.profile_id, trait_states.c.trait_id == trait_id
            for owners in chain(self._list_built(owner, is_its), self._list_stored(owner, is_its)):
                self._write(compare, owners)

    def _write(self, compare: Callable[[Connection, _Page], Iterable[Difference]], page: _Page) -> None:
        with self._database.reading() as stored:
            differences = list(filter(None, compare(stored, page)))
        if differences:
            with self._writing() as connection:
                write_differences(connection, self._space_id, differences, find_touched(differences))

    def _compare_profiles(self, stored: Connection, ids: list[str]) -> list[Difference]:
        return [compare_rows(stored, self._built, profiles, self._fixed, "id", ids)]

    def _compare_belongings(self, stored: Connection, ids: list[str]) -> list[Difference]:
        found = [compare_rows(stored, self._built, table, self._fixed, column, ids) for table, column in OF_A_PROFILE]
        for difference in found:
            if difference.table is identifiers and difference.gone:
                self._hand_over(difference)
        return found

    def _compare_states(self, trait_id: str, stored: Connection, owners: list[str]) -> list[Difference]:
        fixed = {**self._fixed, "trait_id": trait_id}
        return [compare_rows(stored, self._built, trait_states, fixed, "profile_id", owners)]

    def _compare_messages(self, stored: Connection, span: tuple[int, int]) -> Iterator[Difference]:
        for table in (profile_messages, violations):
            query = select(table).where(
                table.c.space_id == self._space_id, table.c.log_offset.between(span[0], span[1])
            )
            difference = Difference(table)
            difference.add(*(map(tuple, each.execute(query)) for each in (stored, self._built)))
            yield difference

    def _hand_over(self, difference: Difference) -> None:
        """Have identifiers that other profiles have now change hands, instead of going and coming with their pages."""
        by_type: dict[str, list[str]] = {}
        for _, type_, value, *_ in difference.gone:
            by_type.setdefault(str(type_), []).append(str(value))
        held = {row[:3]: row for row in map(tuple, select_among(self._built, _HELD, by_type, [self._space_id]))}
        difference.gone = [row for row in difference.gone if row[:3] not in held]
        difference.new += [row for row in held.values() if row not in difference.new]

    def _list_built(self, column: Column[str], *where: ColumnElement[bool]) -> Iterator[list[str]]:
        return _list_pages(lambda query: list(self._built.execute(query).scalars()), self._space_id, column, where)

    def _list_stored(self, column: Column[str], *where: ColumnElement[bool]) -> Iterator[list[str]]:
        def read(query: Any) -> list[str]:
            with self._database.reading() as stored:
                return list(stored.execute(query).scalars())

        return _list_pages(read, self._space_id, column, where)


def _list_pages(
    read: Callable[[Any], list[str]], space_id: str, column: Column[str], where: Sequence[ColumnElement[bool]]
) -> Iterator[list[str]]:
    """Yield the values of a column of a space, in the order in which their store sorts them."""
    query = select(column).where(column.table.c.space_id == space_id, *where).order_by(column).limit(PAGE_OWNERS)
    last = ""
    while page := read(query.where(column > last)):
        yield page
        last = page[-1]
