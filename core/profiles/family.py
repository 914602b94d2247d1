"""The family of a profile: the smallest part of a space that, built again alone, comes out as in a full rebuild.

Two profiles are of one family if a message of one carries an identifier of the other, whether it was taken or refused,
and through any number of others. So no message outside a family carries an identifier of it, and none of its messages
one from outside: what the family's messages make of each other depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Row, select

from core.errors import LimitExceeded
from core.events.event_log import EventLog
from core.identity.rule import Identifier, IdentifierRule
from core.profiles.apply import ReadMessage, find_identifiers, read_messages
from core.profiles.merge_history import find_members, find_survivors
from core.storage.bulk import select_in
from core.storage.tables import deleted_identifiers, identifiers, profile_messages, violations

READ_AT_ONCE = 2_000

Report = Callable[[int], None]
"""Called with the number of messages looked at so far."""


@dataclass(slots=True)
class Family:
    """Profiles by id (`live_ids` are those that were not merged away), their messages, and what those carry.

    `missing` counts messages that are no longer in the event log.
    """

    live_ids: set[str] = field(default_factory=set)
    profile_ids: set[str] = field(default_factory=set)
    log_offsets: set[int] = field(default_factory=set)
    identifiers: set[Identifier] = field(default_factory=set)
    missing: int = 0


class FamilyFinder:
    """Finds families in one space, as `connection` sees it up to a message of the log, by the rules of today."""

    def __init__(
        self,
        connection: Connection,
        log: EventLog,
        space_id: str,
        rules: Sequence[IdentifierRule],
        last_offset: int,
        report: Report,
    ) -> None:
        self._connection = connection
        self._log = log
        self._fixed = {"space_id": space_id}
        self._rules = rules
        self._last_offset = last_offset
        self._report = report

    def grow(self, family: Family, profile_ids: set[str], max_messages: int | None = None) -> list[int]:
        """Add to `family` these profiles and what belongs to them; return the messages that are new to it, in order.

        O(messages of the family) time; memory of some 50 bytes a message and 200 an identifier.

        Raises:
            LimitExceeded: Code `family_too_large`: it has more than `max_messages` messages.
        """
        added: list[int] = []
        found = self._find_survivors(profile_ids)
        while found:
            family.live_ids |= found
            ids = find_members(self._connection, self._fixed["space_id"], found)
            family.profile_ids.update(ids)
            offsets = [offset for offset in self._find_messages(ids) if offset not in family.log_offsets]
            _require_small(max(len(family.log_offsets) + len(offsets), len(family.live_ids)), max_messages)
            family.log_offsets.update(offsets)
            added += offsets
            new = (self._find_owned(found) | self._find_carried(family, offsets)) - family.identifiers
            family.identifiers |= new
            found = self._find_survivors(self._find_touching(new, max_messages)) - family.live_ids
        return sorted(added)

    def find_joined(self, family: Family, after: int) -> set[str]:
        """Return whose messages after `after` carry an identifier of the family."""
        table = profile_messages.c
        query = select(table.log_offset, table.profile_id).where(
            table.space_id == self._fixed["space_id"], table.log_offset > after, table.log_offset <= self._last_offset
        )
        owners = {row.log_offset: row.profile_id for row in self._connection.execute(query)}
        return {
            owners[each.event.offset]
            for _, messages in read_in_pieces(self._log, sorted(owners), self._rules)
            for each in messages
            if not family.identifiers.isdisjoint(each.extracted.identifiers)
        }

    def is_whole(self, family: Family) -> bool:
        """Say whether every message of the family still belongs to somebody; a deletion may have taken some."""
        offsets = list(family.log_offsets)
        pieces = (offsets[start : start + READ_AT_ONCE] for start in range(0, len(offsets), READ_AT_ONCE))
        column = (profile_messages.c.log_offset,)
        return all(len(self._select(column, "log_offset", piece)) == len(piece) for piece in pieces)

    def _find_survivors(self, profile_ids: set[str]) -> set[str]:
        return set(find_survivors(self._connection, self._fixed["space_id"], profile_ids).values())

    def _find_messages(self, profile_ids: Collection[str]) -> list[int]:
        rows = self._select((profile_messages.c.log_offset,), "profile_id", profile_ids)
        return [row.log_offset for row in rows if row.log_offset <= self._last_offset]

    def _find_owned(self, live_ids: set[str]) -> set[Identifier]:
        rows = self._select((identifiers.c.type, identifiers.c.value), "profile_id", live_ids)
        return {Identifier(row.type, row.value) for row in rows}

    def _find_carried(self, family: Family, offsets: Sequence[int]) -> set[Identifier]:
        carried: set[Identifier] = set()
        already = len(family.log_offsets) - len(offsets)
        for read, messages in read_in_pieces(self._log, offsets, self._rules):
            carried.update(identifier for each in messages for identifier in each.extracted.identifiers)
            family.missing += read - len(messages)
            already += read
            self._report(already)
        return carried

    def _find_touching(self, new: set[Identifier], max_messages: int | None) -> set[str]:
        by_type: dict[str, list[str]] = {}
        for type_, value in new:
            by_type.setdefault(type_, []).append(value)
        found: set[str] = set()
        for type_, values in by_type.items():
            owned, refused = {**self._fixed, "type": type_}, {**self._fixed, "identifier_type": type_}
            rows = select_in(self._connection, (identifiers.c.profile_id,), owned, "value", values)
            found.update(row.profile_id for row in rows)
            rows = select_in(self._connection, (deleted_identifiers.c.profile_id,), owned, "value", values)
            found.update(row.profile_id for row in rows)  # who had it before may have kept it from others
            rows = select_in(self._connection, (violations.c.profile_id,), refused, "identifier_value", values)
            found.update(row.profile_id for row in rows if row.profile_id is not None)
            _require_small(len(found), max_messages)
        return found

    def _select(
        self, columns: Sequence[Column[Any]], column: str, values: Collection[object]
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        return select_in(self._connection, columns, self._fixed, column, values)


def read_in_pieces(
    log: EventLog, log_offsets: Sequence[int], rules: Sequence[IdentifierRule]
) -> Iterator[tuple[int, list[ReadMessage]]]:
    """Yield the messages at `log_offsets` a piece at a time, blocked values taken out, with how many were asked for."""
    for start in range(0, len(log_offsets), READ_AT_ONCE):
        piece = log_offsets[start : start + READ_AT_ONCE]
        messages = read_messages(log.get_many(piece), rules)
        find_identifiers(messages, rules)
        yield len(piece), messages


def _require_small(messages: int, max_messages: int | None) -> None:
    if max_messages is not None and messages > max_messages:
        raise LimitExceeded(
            f"More than {max_messages:,} messages hang together with these profiles by shared identifiers.",
            code="family_too_large",
            hint="Have it done in the background, or block the value that so many share.",
        )
