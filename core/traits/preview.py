"""Who would have a computed trait: counted before it is saved, with a few of them and their values.

The newest million messages are looked at, so that the answer comes within seconds. Where that is not all of them, the
count is a lower bound, and it says so; where nothing can be counted yet, it says that it cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import duckdb
import orjson
from sqlalchemy import Connection

from core.clock import to_millis
from core.errors import InvalidField
from core.events.event_log import open_event_log
from core.events.history.relation import open_events
from core.events.json_sql import quote
from core.profiles.accounts import read_account_name
from core.profiles.progress import read_offset
from core.profiles.search import summarise_profiles
from core.traits.accounts import read_entries
from core.traits.computed_trait import Scope
from core.traits.definition import ACCOUNT_PREFIX, CompiledTrait, compile_definition
from core.traits.history import EVENT_COLUMNS
from core.traits.history_count import HistoryCount
from core.traits.owner_map import OwnerMap
from core.traits.owners import read_owners
from core.workspaces.workspace import Workspace

PREVIEWED_MESSAGES = 1_000_000
SAMPLE = 10
NEEDS_MEMBERS = "A trait should have at least one member before it is made."


@dataclass(frozen=True, slots=True)
class Member:
    """One person, or account, who would have the trait. `profile_id` is None for an account."""

    title: str
    value: object
    profile_id: str | None


@dataclass(frozen=True, slots=True)
class TraitPreview:
    """The answer. `members` is None where it cannot be told; `sentence` says what was counted and over what.

    `events` counts the messages of the trait's type and name that were looked at, whether or not they meet the
    conditions. `is_partial` says that older messages were not looked at.
    """

    members: int | None
    sample: tuple[Member, ...]
    events: int
    is_partial: bool
    sentence: str

    @property
    def has_members(self) -> bool:
        """Whether somebody would have it, which a trait needs unless one is wanted all the same."""
        return bool(self.members)


def require_members(found: TraitPreview) -> None:
    """Refuse to make a trait that nobody would have, or of which it cannot be told.

    Raises:
        InvalidField: The preview counted no member; the message says why.
    """
    if not found.has_members:
        raise InvalidField(found.sentence, hint=NEEDS_MEMBERS)


def preview_trait(
    workspace: Workspace,
    space_id: str,
    kind: str,
    definition: Mapping[str, object],
    *,
    max_messages: int = PREVIEWED_MESSAGES,
    sample: int = SAMPLE,
) -> TraitPreview:
    """Count who would have the trait now.

    Raises:
        InvalidField: The definition cannot be computed.
        StoreUnreadable: The file of a closed day is missing or damaged.
    """
    trait = compile_definition(kind, definition)
    log = open_event_log(workspace)
    with workspace.database.reading() as connection:
        last = read_offset(connection, space_id)
        if not last:
            return TraitPreview(None, (), 0, False, _NOTHING_BUILT)
        first = max(1, last - max_messages + 1)
        with open_events(log, EVENT_COLUMNS, first=first, types=(trait.message_type,)) as database:
            events = _count_events(database, trait, last)
            owners = partial(read_owners, connection, space_id, first, last)
            with OwnerMap(database, first, last, owners) as who:
                found = HistoryCount(database, trait, who)
            members, values = _count_members(found, to_millis(workspace.now()), sample)
        if trait.scope is Scope.ACCOUNT:
            shown = [
                Member(_name_account(workspace, connection, space_id, owner.removeprefix(ACCOUNT_PREFIX)), value, None)
                for owner, value in values.items()
            ]
        else:
            people = summarise_profiles(connection, space_id, list(values))
            shown = [Member(each.title, values[each.id], each.id) for each in people]
    is_partial = first > 1
    sentence = _describe(trait, members, events, last - first + 1 if is_partial else None)
    return TraitPreview(members, tuple(shown), events, is_partial, sentence)


_NOTHING_BUILT = "No message has reached a profile yet, so it cannot be told who would have this trait."


def _count_events(database: duckdb.DuckDBPyConnection, trait: CompiledTrait, last: int) -> int:
    is_named = f"AND name = {quote(trait.event)}" if trait.event is not None else ""
    where = f'type = {quote(trait.message_type)} {is_named} AND "offset" <= {last}'
    row = database.execute(f"SELECT count(*) FROM events WHERE {where}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _count_members(count: HistoryCount, now_ms: int, sample: int) -> tuple[int, dict[str, object]]:
    members, values = 0, dict[str, object]()
    for counted in count.read(lambda: now_ms):
        if counted.value is not None:
            members += 1
            if len(values) < sample:
                values[counted.owner] = orjson.loads(counted.value)
    return members, values


def _name_account(workspace: Workspace, connection: Connection, space_id: str, group_id: str) -> str:
    entry = read_entries(workspace, connection, space_id, group_id).get("name")
    name = read_account_name(entry.value) if entry else None
    return f"{name} ({group_id})" if name else group_id


def _describe(trait: CompiledTrait, members: int, events: int, looked_at: int | None) -> str:
    called = f"“{trait.event}”" if trait.event else "any name"
    over = f"the newest {looked_at:,} messages" if looked_at else "all messages"
    if not events:
        return f"There is no {trait.message_type} message of {called} among {over}: nobody would have a value."
    noun = "account" if trait.scope is Scope.ACCOUNT else "person"
    nouns = {"account": "accounts", "person": "people"}[noun]
    counted = f"{events:,} {trait.message_type} {'message' if events == 1 else 'messages'} of {called}"
    if not members:
        return f"Nobody would have a value: none of {counted} counts. Look at the conditions, property and window."
    at_least = "At least " if looked_at else ""
    would = f"{at_least}{members:,} {noun if members == 1 else nouns} would have a value"
    older = " Older messages were not looked at, so values may differ." if looked_at else ""
    return f"{would}, from {counted} among {over}.{older}"
