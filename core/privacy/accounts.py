"""What goes of accounts: they are no people, but what is kept of one may be of nobody else, or speak of a person.

Decisions where the specification is silent:
- Whose an account is, the messages say that name it, as they do for the Profile API's links. One that only the deleted
  people's messages name was their own: all its SQL traits go. One that somebody else's message names stays; so does one
  that none names.
- Of an account that stays, a row of SQL traits goes as a whole if one of its texts is a value of a deleted person, as
  the same row goes from the records of syncs. What other SQL traits say of the account stays.
- What computed traits that were deleted left on an account goes with any of the people whose messages named it: it
  cannot be counted again without them.
- Their syncs forget these rows, so the next run writes again what the warehouse still returns.
- Traits that were computed of an account are counted again without the deleted people's events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, delete, exists, select, update

from core.events.erase import MIN_NEEDLE_CHARS
from core.privacy.subject import Subject
from core.storage.bulk import delete_in, select_in
from core.storage.tables import (
    account_traits,
    computed_traits,
    group_calls,
    profile_accounts,
    profile_messages,
    trait_states,
)
from core.traits.computed_trait import Scope
from core.traits.definition import ACCOUNT_PREFIX, compile_trait
from core.traits.store import read_traits

_ROWS_AT_ONCE = 5_000


class AccountRow(NamedTuple):
    """What one row of SQL traits says of an account; without a sync: what deleted computed traits left on it."""

    space_id: str
    group_id: str
    sync_id: str | None


_ROW = tuple(account_traits.c[name] for name in AccountRow._fields)


def find_account_rows(connection: Connection, subject: Subject) -> set[AccountRow]:
    """Return the rows of SQL traits, and of what was left, that go with the people. O(SQL traits)."""
    named = {
        AccountRow(*row)
        for space_id in subject.profile_ids
        for row in select_in(connection, _ROW, {"space_id": space_id}, "group_id", subject.account_ids)
    }
    own = {each for each in {row.group_id for row in named} if _is_their_own(connection, subject, each)}
    theirs = {row for row in named if row.sync_id is None or row.group_id in own}
    return theirs | _find_mentions(connection, subject)


def delete_account_traits(connection: Connection, subject: Subject, rows: Iterable[AccountRow]) -> int:
    """Delete these rows, in the caller's transaction, and add them to the subject; return how many values they had."""
    gone, table = 0, account_traits.c
    for row in sorted(rows, key=lambda row: (row.space_id, row.group_id, row.sync_id or "")):
        is_it = (table.space_id == row.space_id, table.group_id == row.group_id, table.sync_id == row.sync_id)
        gone += connection.execute(delete(account_traits).where(*is_it)).rowcount
        if row.sync_id is not None:
            subject.add_row(row.sync_id, row.group_id)
    return gone


def delete_account_calls(connection: Connection, subject: Subject) -> dict[str, int]:
    """Delete, in the caller's transaction, what else is kept of the accounts of the people's messages, by table.

    These are the calls that reach nobody any more, and what was computed, which is counted anew.
    """
    gone: Counter[str] = Counter()
    owners = [f"{ACCOUNT_PREFIX}{group_id}" for group_id in subject.account_ids]
    for space_id in subject.profile_ids if owners else ():
        calls, messages = group_calls.c, profile_messages.c
        is_same = (messages.space_id == calls.space_id) & (messages.log_offset == calls.log_offset)
        for group_id in sorted(subject.account_ids):
            is_it = (calls.space_id == space_id, calls.group_id == group_id, ~exists().where(is_same))
            gone["group_calls"] += connection.execute(delete(group_calls).where(*is_it)).rowcount
        for trait in read_traits(connection, space_id):
            if compile_trait(trait).scope is not Scope.ACCOUNT:
                continue
            fixed = {"space_id": space_id, "trait_id": trait.id}
            if counted := delete_in(connection, trait_states, fixed, "profile_id", owners):
                gone["trait_states"] += counted
                again = update(computed_traits).where(computed_traits.c.id == trait.id)
                connection.execute(again.values(computed_to=None))
    return gone


def _is_their_own(connection: Connection, subject: Subject, group_id: str) -> bool:
    """Say whether messages of the people name the account and nobody else's do, in any space."""
    table = profile_accounts.c
    query = select(table.space_id, table.profile_id).where(
        table.space_id.in_(subject.profile_ids), table.group_id == group_id
    )
    seen = False
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as named:
        for space_id, profile_id in named:
            if profile_id not in subject.profile_ids[space_id]:
                return False
            seen = True
    return seen


def _find_mentions(connection: Connection, subject: Subject) -> set[AccountRow]:
    """Return the rows with a text that is one of the people's values, in any letter case."""
    values = {each.lower() for each in subject.user_ids | subject.values if len(each) >= MIN_NEEDLE_CHARS}
    query = select(*_ROW, account_traits.c.value).where(account_traits.c.value.is_not(None))
    found = set()
    for *row, value in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        told = orjson.loads(value)
        texts = told if isinstance(told, list) else [told]  # a list: what a computed trait left
        if any(isinstance(text, str) and text.lower() in values for text in texts):
            found.add(AccountRow(*row))
    return found
