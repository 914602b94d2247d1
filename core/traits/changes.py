"""The history of a trait on one profile: each value it had, when, and why. Nothing is stored for it.

Every value has messages behind it, so the person's messages are gone through once more, in the order of the log, as the
builder did; windows are followed between them. Messages of profiles that were merged into this one count from their
own time on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from core.clock import from_millis, to_millis
from core.events.event_log import StoredEvent
from core.events.message import Message, MessageType, read_timestamp_ms
from core.profiles.apply import read_sent_traits
from core.profiles.lookup import list_profile_events
from core.profiles.origin import OriginReader
from core.traits.computed_trait import ComputedTrait, Scope
from core.traits.definition import CompiledTrait, compile_trait, is_counted_at
from core.traits.kinds import State
from core.traits.states import observe_into
from core.traits.store import list_traits
from core.traits.windows import Session
from core.workspaces.workspace import Workspace

MAX_MESSAGES = 5_000


@dataclass(frozen=True, slots=True)
class TraitChange:
    """One change: the value from `at` on, None where it went, and the sentence that says why.

    `log_offset` is the message behind it; None where time alone changed it.
    """

    at: datetime
    value: object
    sentence: str
    log_offset: int | None


@dataclass(frozen=True, slots=True)
class TraitHistory:
    """The changes, newest first. `note` says what cannot be told, if anything."""

    changes: tuple[TraitChange, ...]
    note: str = ""


def read_trait_history(workspace: Workspace, space_id: str, profile_id: str, key: str) -> TraitHistory:
    """Return what the trait `key` of a profile said, one value after the other. O(messages of the person)."""
    events = list_profile_events(workspace, space_id, profile_id, limit=MAX_MESSAGES + 1)
    is_cut = len(events) > MAX_MESSAGES
    events = events[:MAX_MESSAGES][::-1]
    trait = next((each for each in list_traits(workspace, space_id) if each.key == key), None)
    if trait is None:
        changes = list(_follow_sent(workspace, events, key))
        note = f"From the newest {MAX_MESSAGES:,} messages of this person." if is_cut else ""
    elif is_cut:
        return TraitHistory(
            (), f"This person has more than {MAX_MESSAGES:,} messages: the history is not gone through."
        )
    elif trait.scope is Scope.ACCOUNT:
        return TraitHistory((), "The trait belongs to accounts, not to people.")
    else:
        changes = list(_follow_computed(workspace, events, trait))
        note = "" if trait.enabled else "The trait is disabled: the value stays as it was then."
    return TraitHistory(tuple(reversed(changes)), note)


def _follow_computed(
    workspace: Workspace, events: Sequence[StoredEvent], trait: ComputedTrait
) -> Iterator[TraitChange]:
    compiled = compile_trait(trait)
    state: State = {}
    value: object = None
    with workspace.database.reading() as connection:
        origins = OriginReader(connection, events)
    for event in [*events, None]:
        seen_ms = to_millis(workspace.now() if event is None else event.received_at)
        for at_ms, found in _expire(compiled, state, seen_ms):
            if found != value:
                value = found
                yield TraitChange(from_millis(at_ms), value, _describe_expiry(compiled), None)
        if event is None:
            return
        message: Message = orjson.loads(event.body)
        taken = compiled.take_message(message)
        if taken is None:
            continue
        at_ms = read_timestamp_ms(message, event.received_at)
        if not is_counted_at(at_ms):
            continue
        observe_into(state, compiled, taken, at_ms, event.offset)
        found = compiled.window.read(state, seen_ms)
        if found != value:
            value = found
            why = f"{origins.explain(event.offset, None).sentence} It counts in “{trait.name}”."
            yield TraitChange(from_millis(at_ms), value, why, event.offset)


def _expire(trait: CompiledTrait, state: State, until_ms: int) -> Iterator[tuple[int, object]]:
    due_ms = trait.window.find_due(state)
    while due_ms is not None and due_ms <= until_ms:
        yield due_ms, trait.window.read(state, due_ms)
        next_ms = trait.window.find_due(state)
        if next_ms is not None and next_ms <= due_ms:  # a session that is over stays so
            return
        due_ms = next_ms


def _describe_expiry(trait: CompiledTrait) -> str:
    if isinstance(trait.window, Session):
        return "The session was over: nothing came for the inactivity period."
    return "Messages left the window: they had become too old."


def _follow_sent(workspace: Workspace, events: Sequence[StoredEvent], key: str) -> Iterator[TraitChange]:
    with workspace.database.reading() as connection:
        origins = OriginReader(connection, events)
    newest = (0, 0)
    value: object = None
    for event in events:
        if event.type != MessageType.IDENTIFY:
            continue
        message: Message = orjson.loads(event.body)
        sent = read_sent_traits(message)
        place = (read_timestamp_ms(message, event.received_at), event.offset)
        if key not in sent or place < newest:
            continue
        newest = place
        if sent[key] != value:
            value = sent[key]
            yield TraitChange(from_millis(place[0]), value, origins.explain(event.offset, None).sentence, event.offset)
