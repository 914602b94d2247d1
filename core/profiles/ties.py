"""Which message tied which identifiers of a profile: the shortest chain of messages between any two of them.

Identifiers and messages are the two sides of a graph; a message is connected with each identifier that it brought to
the profile. What a rule left out of a message does not connect. The messages that brought an identifier first and those
that merged profiles connect everything by themselves, so they are always looked at; of the others the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from core.clock import from_millis
from core.errors import NotFound
from core.events.event_log import EventLog, open_event_log
from core.events.message import MessageType
from core.identity.rule import Identifier, IdentifierRule
from core.identity.rules import read_rules
from core.profiles.apply import ReadMessage
from core.profiles.family import read_in_pieces
from core.profiles.merge_history import find_survivor, list_merges
from core.profiles.origin import OriginReader
from core.storage.bulk import select_in
from core.storage.tables import identifiers, profile_messages, violations
from core.workspaces.workspace import Workspace

MAX_MESSAGES = 2_000


@dataclass(frozen=True, slots=True)
class Tie:
    """One message and the identifiers that it brought to the profile.

    `sentence` leads to its row or event; `summary` says the same in few words.
    """

    log_offset: int
    message_id: str
    at: datetime
    sentence: str
    summary: str
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain: this message carried both identifiers."""

    start: Identifier
    tie: Tie
    end: Identifier


@dataclass(frozen=True, slots=True)
class ProfileTies:
    """The identifiers of a profile, strongest first, and the messages that tied them, oldest first.

    `is_complete` is False where the profile has more messages than were looked at: then a shorter chain may exist.
    """

    profile_id: str
    identifiers: tuple[Identifier, ...]
    ties: tuple[Tie, ...]
    is_complete: bool

    def find_chain(self, start: Identifier, end: Identifier) -> tuple[Link, ...] | None:
        """Return the shortest chain between two identifiers, of equals the one of older messages.

        None where a message that tied them is no longer in the event log. O(messages + identifiers).

        Raises:
            NotFound: One of them is not an identifier of the profile.
        """
        for identifier in (start, end):
            if identifier not in self.identifiers:
                raise NotFound(
                    f"{identifier.type} {identifier.value} is not an identifier of {self.profile_id}.",
                    hint="Use one of the identifiers that the profile has.",
                )
        return _find_shortest(self.ties, start, end)


def read_ties(workspace: Workspace, space_id: str, profile_id: str, *, max_messages: int = MAX_MESSAGES) -> ProfileTies:
    """Return what tied the identifiers of a profile; an id that was merged away gives its survivor.

    `max_messages` says of how many of the oldest messages a shorter chain is looked for.

    Raises:
        NotFound: There is no such profile.
    """
    log = open_event_log(workspace)
    with workspace.database.reading() as connection:
        survivor = find_survivor(connection, space_id, profile_id)
        rules = read_rules(connection, space_id)
        ranks = {rule.type: rule.priority for rule in rules}
        first_offsets = _read_identifiers(connection, space_id, survivor)
        if not first_offsets:
            raise NotFound(f"There is no profile {profile_id!r}.", hint="Search for it in the profile explorer.")
        merges = list_merges(connection, space_id, survivor)
        ids = [survivor, *(merge.merged_id for merge in merges)]
        table = profile_messages.c
        query = select(table.log_offset).where(table.space_id == space_id, table.profile_id.in_(ids))
        oldest = list(connection.execute(query.order_by(table.log_offset).limit(max_messages + 1)).scalars())
        wanted = {*first_offsets.values(), *(merge.log_offset for merge in merges), *oldest[:max_messages]}
        left_out = _read_left_out(connection, space_id, wanted)
        carried = _read_carried(log, sorted(wanted), rules, first_offsets.keys(), left_out)
        origins = OriginReader(connection, [read.event for read, _ in carried])
        ties = tuple(
            Tie(
                read.event.offset,
                read.event.message_id,
                from_millis(read.at_ms),
                origin.sentence,
                origin.summary,
                brought,
            )
            for read, brought in carried
            for origin in [origins.explain(read.event.offset, None)]
        )
    known = sorted(first_offsets, key=lambda each: (ranks.get(each.type, 1_000), each.type, first_offsets[each]))
    return ProfileTies(survivor, tuple(known), ties, len(oldest) <= max_messages)


def _read_identifiers(connection: Connection, space_id: str, profile_id: str) -> dict[Identifier, int]:
    table = identifiers.c
    query = select(table.type, table.value, table.first_offset)
    rows = connection.execute(query.where(table.space_id == space_id, table.profile_id == profile_id))
    return {Identifier(row.type, row.value): row.first_offset for row in rows}


def _read_left_out(connection: Connection, space_id: str, log_offsets: set[int]) -> set[tuple[int, Identifier]]:
    columns = (violations.c.log_offset, violations.c.identifier_type, violations.c.identifier_value)
    rows = select_in(connection, columns, {"space_id": space_id}, "log_offset", log_offsets)
    return {(offset, Identifier(type_, value)) for offset, type_, value in rows if type_ is not None}


def _read_carried(
    log: EventLog,
    log_offsets: Sequence[int],
    rules: Sequence[IdentifierRule],
    owned: Iterable[Identifier],
    left_out: set[tuple[int, Identifier]],
) -> list[tuple[ReadMessage, tuple[Identifier, ...]]]:
    own, carried = set(owned), []
    for _, messages in read_in_pieces(log, log_offsets, rules):
        for read in messages:
            offset, found = read.event.offset, read.extracted.identifiers
            counted = found[:1] if read.event.type == MessageType.ALIAS else found
            brought = tuple(each for each in counted if each in own and (offset, each) not in left_out)
            if brought:
                carried.append((read, brought))
    return carried


def _find_shortest(ties: Sequence[Tie], start: Identifier, end: Identifier) -> tuple[Link, ...] | None:
    by_identifier: dict[Identifier, list[Tie]] = {}
    for tie in ties:
        for identifier in tie.identifiers:
            by_identifier.setdefault(identifier, []).append(tie)
    reached: dict[Identifier, Link | None] = {start: None}
    passed: set[int] = set()
    layer = [start]
    while layer and end not in reached:
        following = []
        for identifier in layer:
            for tie in by_identifier.get(identifier, ()):
                if tie.log_offset in passed:
                    continue
                passed.add(tie.log_offset)
                for other in tie.identifiers:
                    if other not in reached:
                        reached[other] = Link(identifier, tie, other)
                        following.append(other)
        layer = following
    if end not in reached:
        return None
    links: list[Link] = []
    while (link := reached[end]) is not None:
        links.append(link)
        end = link.start
    return tuple(reversed(links))
