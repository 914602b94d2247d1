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

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, select

from core.profiles.rewrite import OF_A_PROFILE, Difference, Rewrite, compare_rows
from core.storage.bulk import select_among, select_between, select_rows_in
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
        ids = profiles.c.id
        self._put(ids, self._fixed)
        for page in self._list_stored(ids, self._fixed):
            self._write(self._compare_belongings, page)
        with self._database.reading() as stored:
            query = select(computed_traits.c.id).where(computed_traits.c.space_id == self._space_id)
            trait_ids = stored.execute(query).scalars().all()
        for trait_id in trait_ids:
            fixed = {**self._fixed, "trait_id": trait_id}
            self._put(trait_states.c.profile_id, fixed)
            self._take_away(trait_states.c.profile_id, fixed)
        for first in range(1, last_offset + 1, PAGE_MESSAGES):
            self._write(self._compare_messages, (first, min(first + PAGE_MESSAGES - 1, last_offset)))
        self._take_away(ids, self._fixed)

    def _put(self, key: Column[str], fixed: Mapping[str, str]) -> None:
        """Write the rows that are new or differ; their columns equal `fixed`, and `key` tells them from each other."""
        for page in self._list_built(key, fixed):
            self._write(lambda stored, some: [self._compare(stored, key, fixed, some)], page)

    def _take_away(self, key: Column[str], fixed: Mapping[str, str]) -> None:
        """Delete the rows that were not built."""

        def compare(stored: Connection, some: list[str]) -> list[Difference]:
            built = {each for (each,) in select_rows_in(self._built, [key], fixed, key.name, some)}
            return [self._compare(stored, key, fixed, [each for each in some if each not in built])]

        for page in self._list_stored(key, fixed):
            self._write(compare, page)

    def _write(self, compare: Callable[[Connection, _Page], Iterable[Difference]], page: _Page) -> None:
        with self._database.reading() as stored:
            rewrite = Rewrite(self._space_id, compare(stored, page))
        if rewrite:
            with self._writing() as connection:
                rewrite.write(connection)

    def _compare(self, stored: Connection, key: Column[str], fixed: Mapping[str, str], values: list[str]) -> Difference:
        return compare_rows(stored, self._built, key.table, fixed, key.name, values)

    def _compare_belongings(self, stored: Connection, ids: list[str]) -> list[Difference]:
        found = [compare_rows(stored, self._built, table, self._fixed, column, ids) for table, column in OF_A_PROFILE]
        for difference in found:
            if difference.table is identifiers and difference.gone:
                self._hand_over(difference)
        return found

    def _compare_messages(self, stored: Connection, span: tuple[int, int]) -> Iterator[Difference]:
        for table in (profile_messages, violations):
            difference = Difference(table)
            found = (select_between(each, table, self._fixed, "log_offset", *span) for each in (stored, self._built))
            difference.add(*found)
            yield difference

    def _hand_over(self, difference: Difference) -> None:
        """Have identifiers that other profiles have now change hands, instead of going and coming with their pages."""
        by_type: dict[str, list[str]] = {}
        for _, type_, value, *_ in difference.gone:
            by_type.setdefault(str(type_), []).append(str(value))
        held = {row[:3]: row for row in map(tuple, select_among(self._built, _HELD, by_type, [self._space_id]))}
        difference.gone = [row for row in difference.gone if row[:3] not in held]
        difference.new += [row for row in held.values() if row not in difference.new]

    def _list_built(self, key: Column[str], fixed: Mapping[str, str]) -> Iterator[list[str]]:
        return _list_pages(lambda query: list(self._built.execute(query).scalars()), key, fixed)

    def _list_stored(self, key: Column[str], fixed: Mapping[str, str]) -> Iterator[list[str]]:
        def read(query: Any) -> list[str]:
            with self._database.reading() as stored:
                return list(stored.execute(query).scalars())

        return _list_pages(read, key, fixed)


def _list_pages(read: Callable[[Any], list[str]], key: Column[str], fixed: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the keys of rows in the order in which their store sorts them."""
    where = [key.table.c[name] == value for name, value in fixed.items()]
    query = select(key).where(*where).order_by(key).limit(PAGE_OWNERS)
    last = ""
    while page := read(query.where(key > last)):
        yield page
        last = page[-1]
