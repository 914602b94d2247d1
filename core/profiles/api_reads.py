"""What the Profile API reads of one person: one or two indexed queries a page.

Decisions where the specification is silent:
- A page of traits is in the order of their keys, one of identifiers in that of their types and values.
- `segment_id:use_…` asks by the profile's own id, one that was merged away included.
- What a computed trait left behind when it was deleted is no computed trait any more.

Contract: docs/profile-api.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import Connection, bindparam, func, select

from core.clock import from_millis, to_iso
from core.events.event_log import StoredEvent, open_event_log
from core.profiles.api_page import Cursor, Json, Page, PageRequest, cut
from core.profiles.merge_history import find_members, find_survivor
from core.profiles.predicted import list_predicted_keys
from core.storage.tables import computed_traits, identifiers, profile_messages, profiles
from core.workspaces.workspace import Workspace

OWN_ID = "segment_id"
COMPUTED = "computed_trait"

_PERSON = tuple(profiles.c[name] for name in ("id", "created_at", "created_offset", "updated_at", "traits"))
_IS_SAME = (profiles.c.space_id == identifiers.c.space_id) & (profiles.c.id == identifiers.c.profile_id)
BY_IDENTIFIER = (
    select(*_PERSON)
    .select_from(identifiers.join(profiles, _IS_SAME))
    .where(
        identifiers.c.space_id == bindparam("space_id"),
        identifiers.c.type == bindparam("type"),
        identifiers.c.value == bindparam("value"),
    )
)
_BY_ID = select(*_PERSON).where(profiles.c.space_id == bindparam("space_id"), profiles.c.id == bindparam("id"))
IDENTIFIERS = select(
    *(identifiers.c[name] for name in ("type", "value", "first_seen_at", "source_id", "first_offset"))
).where(identifiers.c.space_id == bindparam("space_id"), identifiers.c.profile_id == bindparam("id"))
_ONE = identifiers.alias("one")
IDENTIFIERS_BY_ONE = (
    select(*IDENTIFIERS.selected_columns)
    .select_from(
        _ONE.join(
            identifiers,
            (identifiers.c.space_id == _ONE.c.space_id) & (identifiers.c.profile_id == _ONE.c.profile_id),
        )
    )
    .where(
        _ONE.c.space_id == bindparam("space_id"),
        _ONE.c.type == bindparam("type"),
        _ONE.c.value == bindparam("value"),
    )
)
_COMPUTED = select(computed_traits.c.id).where(computed_traits.c.space_id == bindparam("space_id"))


class Person(NamedTuple):
    """One live profile, as the store has it. Times in ms since 1970; `traits` is the store's JSON."""

    id: str
    created_at: int
    created_offset: int
    updated_at: int
    traits: str


ReadPage: TypeAlias = Callable[[Workspace, Connection, str, Person, PageRequest], Page]
"""Reads a page about a person of a space."""


def find_person(connection: Connection, space_id: str, type_: str, values: Sequence[str]) -> Person | None:
    """Return the profile that the first known one of `values` belongs to; None for nobody."""
    for value in values:
        if type_ == OWN_ID:
            by_id = {"space_id": space_id, "id": find_survivor(connection, space_id, value)}
            row = connection.execute(_BY_ID, by_id).first()
        else:
            row = connection.execute(BY_IDENTIFIER, {"space_id": space_id, "type": type_, "value": value}).first()
        if row is not None:
            return Person(*row)
    return None


def read_traits(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return traits by key; each with its source and time where the request is verbose."""
    return write_traits(workspace, connection, space_id, orjson.loads(person.traits), request)


def write_traits(
    workspace: Workspace,
    connection: Connection,
    space_id: str,
    entries: Mapping[str, Sequence[Any]],
    request: PageRequest,
) -> Page:
    """Return a page of traits, each given as value, time in ms, offset, and id of the computed trait or None."""
    wanted: Iterable[str] = request.include & entries.keys() if request.include else entries
    if request.classes:
        computed = _list_computed(connection, space_id) if COMPUTED in request.classes else frozenset()
        wanted = {key for key in wanted if (entries[key][3] or key) in computed}
    if not request.is_verbose:
        return write_plain_traits({key: entries[key] for key in wanted}, request)
    keys, last = _cut_traits(entries, wanted, request)
    events = _read_events(workspace, [entries[key][2] for (key,) in keys])
    return Page({"traits": {key: _describe_trait(entries[key], events) for (key,) in keys}}, last)


def read_external_ids(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, request: PageRequest
) -> Page:
    """Return the identifiers of the profile; with the messages that brought them where the request is verbose."""
    rows = connection.execute(IDENTIFIERS, {"space_id": space_id, "id": person.id}).all()
    page = write_external_ids(rows, request)
    if request.is_verbose:
        first = {(row.type, row.value): row.first_offset for row in rows}
        events = _read_events(workspace, [first[entry["type"], entry["id"]] for entry in page.body["data"]])
        for entry in page.body["data"]:
            event = events.get(first[entry["type"], entry["id"]])
            entry["first_message_id"] = event and event.message_id
    return page


def write_plain_traits(entries: Mapping[str, Sequence[Any]], request: PageRequest) -> Page:
    """Return a page of traits without their sources: those of `entries` that have a value and are asked for."""
    wanted = request.include & entries.keys() if request.include else entries
    keys, last = _cut_traits(entries, wanted, request)
    return Page({"traits": {key: entries[key][0] for (key,) in keys}}, last)


def write_external_ids(rows: Sequence[Sequence[Any]], request: PageRequest) -> Page:
    """Return a page of identifiers, each given as the columns of `IDENTIFIERS`."""
    by_key = {(row[0], row[1]): row for row in rows if not request.include or row[0] in request.include}
    keys, last = cut(sorted(by_key), request)
    data = [
        {
            **to_external_id(type_, value),
            "source_id": source_id,
            "created_at": to_iso(from_millis(first_seen_at)),
        }
        for type_, value, first_seen_at, source_id, _first_offset in (by_key[key] for key in keys)
    ]
    return Page({"data": data}, last)


def read_metadata(
    workspace: Workspace, connection: Connection, space_id: str, person: Person, _request: PageRequest
) -> Page:
    """Return when the profile was made and changed, and by which messages. Profiles do not expire."""
    table = profile_messages.c
    query = select(func.max(table.log_offset)).where(
        table.space_id == space_id, table.profile_id.in_(find_members(connection, space_id, [person.id]))
    )
    newest = connection.execute(query).scalar() or person.created_offset
    events = _read_events(workspace, [person.created_offset, newest])
    first, last = events.get(person.created_offset), events.get(newest)
    metadata = {
        "segment_id": person.id,
        "created_at": to_iso(from_millis(person.created_at)),
        "updated_at": to_iso(from_millis(person.updated_at)),
        "expires_at": None,
        "first_message_id": first and first.message_id,
        "first_source_id": first and first.source_id,
        "last_message_id": last and last.message_id,
        "last_source_id": last and last.source_id,
    }
    return Page({"metadata": metadata})


def to_external_id(type_: str, value: str) -> Json:
    """Return an identifier in the form of the contract."""
    collection = "accounts" if type_ == "group_id" else "users"
    return {"collection": collection, "type": type_, "id": value, "encoding": "none"}


def _cut_traits(
    entries: Mapping[str, Sequence[Any]], wanted: Iterable[str], request: PageRequest
) -> tuple[Sequence[tuple[str]], Cursor | None]:
    return cut(sorted((key,) for key in wanted if entries[key][0] is not None), request)


def _list_computed(connection: Connection, space_id: str) -> frozenset[str]:
    """Return the ids of the computed traits, and the traits of predictions by their keys: those come as messages."""
    ids = connection.execute(_COMPUTED, {"space_id": space_id}).scalars()
    return frozenset(ids) | list_predicted_keys(connection, space_id)


def _describe_trait(entry: Sequence[Any], events: Mapping[int, StoredEvent]) -> Json:
    value, at_ms, log_offset, _trait_id = entry
    event = events.get(log_offset)
    return {"value": value, "source_id": event and event.source_id, "updated_at": to_iso(from_millis(at_ms))}


def _read_events(workspace: Workspace, offsets: Sequence[int]) -> dict[int, StoredEvent]:
    return {event.offset: event for event in open_event_log(workspace).get_many(sorted(set(offsets)))}
