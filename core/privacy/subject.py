"""Whom a regulation is about: user ids, the profiles that hold them in each space, and every value that is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection, select

from core.events.erase import Marks
from core.profiles.merge_history import find_members, find_survivors
from core.storage.bulk import select_in
from core.storage.tables import identifiers, profile_messages, profiles, spaces
from core.traits.definition import ACCOUNT_PREFIX, find_account

_REACH_TRAITS = frozenset({"email", "phone"})
_OWNER = (identifiers.c.profile_id,)
_VALUE = (identifiers.c.type, identifiers.c.value)
_TRAITS = (profiles.c.traits,)
_MESSAGE = (profile_messages.c.log_offset, profile_messages.c.profile_id)


@dataclass(slots=True)
class Subject:
    """The people of a regulation.

    `profile_ids` are by space, those that were merged into them included; `log_offsets` are the messages of people who
    were looked at when it was asked for; `row_keys` are by sync, of the rows that their messages came from or that
    speak of them; `account_ids` are the accounts that their messages named. `planned` are counts by place, saved before
    something is taken away there, so that a receipt is right after a kill.
    """

    user_ids: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    profile_ids: dict[str, set[str]] = field(default_factory=dict)
    log_offsets: set[int] = field(default_factory=set)
    row_keys: dict[str, set[str]] = field(default_factory=dict)
    account_ids: set[str] = field(default_factory=set)
    planned: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: dict[str, object]) -> Subject:
        """Return the subject as it was saved."""
        planned, offsets = document.get("planned"), document.get("log_offsets")
        return cls(
            _to_set(document.get("user_ids")),
            _to_set(document.get("values")),
            _to_sets(document.get("profile_ids")),
            set(offsets) if isinstance(offsets, list) else set(),
            _to_sets(document.get("row_keys")),
            _to_set(document.get("account_ids")),
            {str(place): int(count) for place, count in planned.items()} if isinstance(planned, dict) else {},
        )

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "user_ids": sorted(self.user_ids),
            "values": sorted(self.values),
            "profile_ids": {space_id: sorted(ids) for space_id, ids in self.profile_ids.items()},
            "log_offsets": sorted(self.log_offsets),
            "row_keys": {sync_id: sorted(keys) for sync_id, keys in self.row_keys.items()},
            "account_ids": sorted(self.account_ids),
            "planned": self.planned,
        }

    def plan_messages(self, offsets: Sequence[int]) -> int:
        """Note that the messages at `offsets` are about to go; return how many went, and will have gone, in all.

        They go in one transaction, and later ones have higher offsets: if none of the last plan is there, it was done.
        """
        if not any(offset <= self.planned.get("events.last", 0) for offset in offsets):
            self.planned["events.gone"] = self.planned.get("events.gone", 0) + self.planned.get("events.due", 0)
        self.planned |= {"events.due": len(offsets), "events.last": max(offsets, default=0)}
        return self.planned.get("events.gone", 0) + len(offsets)

    def plan_records(self, place: str, name: str, count: int) -> int:
        """Note that `count` records are about to go from one file; return how many of the place, in all."""
        key = f"{place}/{name}"
        self.planned[key] = max(count, self.planned.get(key, 0))
        return sum(each for name, each in self.planned.items() if name.startswith(f"{place}/"))

    def add_message(self, body: bytes) -> None:
        """Remember which account a message names, and which row of which sync it came from, if it came from one."""
        message = orjson.loads(body)
        account = find_account(message)
        if account is not None:
            self.account_ids.add(account.removeprefix(ACCOUNT_PREFIX))
        context = message.get("context")
        row = context.get("reverseEtl") if isinstance(context, dict) else None
        if isinstance(row, dict) and row.get("syncId") and row.get("rowKey") is not None:
            self.add_row(str(row["syncId"]), str(row["rowKey"]))

    def add_row(self, sync_id: str, key: str) -> None:
        """Remember a row of a sync."""
        self.row_keys.setdefault(sync_id, set()).add(key)

    @property
    def marks(self) -> Marks:
        """By what their messages are known."""
        return Marks(self.user_ids, self.values)

    def list_profiles(self) -> Iterable[tuple[str, set[str]]]:
        """Return the profiles of each space that has some."""
        return [(space_id, ids) for space_id, ids in sorted(self.profile_ids.items()) if ids]


def note_seen(connection: Connection, subject: Subject) -> None:
    """Note who the profiles of the subject are at this moment: whatever is undone before they are deleted, these go."""
    resolve_subject(connection, subject)
    for space_id, ids in subject.list_profiles():
        rows = select_in(connection, _MESSAGE, {"space_id": space_id}, "profile_id", ids)
        subject.log_offsets.update(row.log_offset for row in rows)


def resolve_subject(connection: Connection, subject: Subject, gone_offsets: Sequence[int] = ()) -> None:
    """Add what the store knows of the people now: their profiles, and these profiles' identifiers and addresses.

    `gone_offsets` are messages that were deleted: a profile with no others is theirs, however an undo came to make it.
    """
    for space_id in connection.execute(select(spaces.c.id)).scalars().all():
        fixed = {"space_id": space_id, "type": "user_id"}
        known = {profile_id for (profile_id,) in select_in(connection, _OWNER, fixed, "value", subject.user_ids)}
        asked = subject.profile_ids.get(space_id, set())
        emptied = _find_emptied(connection, space_id, gone_offsets)
        survivors = set(find_survivors(connection, space_id, known | asked | emptied).values())
        ids = find_members(connection, space_id, survivors).keys() | asked
        subject.profile_ids[space_id] = ids
        for type_, value in select_in(connection, _VALUE, {"space_id": space_id}, "profile_id", ids):
            (subject.user_ids if type_ == "user_id" else subject.values).add(value)
        for (traits,) in select_in(connection, _TRAITS, {"space_id": space_id}, "id", ids):
            entries = orjson.loads(traits)
            found = (entry[0] for key, entry in entries.items() if key.lower() in _REACH_TRAITS)
            subject.values.update(value for value in found if isinstance(value, str) and value and "\0" not in value)


def _find_emptied(connection: Connection, space_id: str, gone_offsets: Sequence[int]) -> set[str]:
    """Return the profiles whose every message is one of `gone_offsets`."""
    fixed = {"space_id": space_id}
    touched = {row.profile_id for row in select_in(connection, _MESSAGE, fixed, "log_offset", gone_offsets)}
    members = find_members(connection, space_id, set(find_survivors(connection, space_id, touched).values()))
    gone = set(gone_offsets)
    left = select_in(connection, _MESSAGE, fixed, "profile_id", members)
    return set(members) - {members[row.profile_id] for row in left if row.log_offset not in gone}


def choose_offsets(
    connection: Connection, subject: Subject, found: Iterable[tuple[int, str | None]]
) -> tuple[set[int], set[int]]:
    """Return the offsets of the people's messages, and those of other people's messages that mention a value of theirs.

    A message is theirs if it has one of their user ids, or reached one of their profiles (now, or when the deletion was
    asked for), or mentions them and reached nobody.
    """
    table = profile_messages.c
    theirs = set(subject.log_offsets)
    for space_id, ids in subject.list_profiles():
        rows = select_in(connection, (table.log_offset,), {"space_id": space_id}, "profile_id", ids)
        theirs.update(offset for (offset,) in rows)
    mentions: set[int] = set()
    for offset, user_id in found:
        (theirs if user_id in subject.user_ids else mentions).add(offset)
    mentions -= theirs
    reached: set[int] = set()  # one of others
    for space_id in connection.execute(select(spaces.c.id)).scalars().all():
        rows = select_in(connection, (table.log_offset,), {"space_id": space_id}, "log_offset", mentions)
        reached |= {offset for (offset,) in rows}
    return theirs | (mentions - reached), mentions & reached


def _to_sets(value: object) -> dict[str, set[str]]:
    return {str(key): _to_set(each) for key, each in value.items()} if isinstance(value, dict) else {}


def _to_set(value: object) -> set[str]:
    return {str(each) for each in value} if isinstance(value, list) else set()
