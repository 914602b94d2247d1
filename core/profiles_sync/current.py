"""How things are: each profile as it is now, and which profiles differ from what was written last.

Every profile has a print, 63 bits of a hash over all that is written of it. The prints of the store are compared with
those that were kept when the warehouse took the rows. So a rebuild, an undone merge, a deletion and a trait that has
left its window are told like any other change, and a run that was cut short is taken up where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select
from sqlalchemy import Row as Found

from core.clock import from_millis, to_iso
from core.events.event_log import EventLog
from core.profiles.merge_history import find_members, find_survivors
from core.profiles_sync.happened import Row, Rows, describe_mapping, hash_identifier, to_text
from core.profiles_sync.layout import (
    CURRENT,
    CURRENT_LAYOUT,
    EXTERNAL_IDS,
    ID_GRAPH,
    MERGES,
    OWNERS,
    PROFILE_TRAITS,
    REMOVED,
    USER_IDENTIFIERS,
    USER_TRAITS,
)
from core.storage.bulk import select_in
from core.storage.tables import deleted_identifiers, identifiers, merges, profiles, profiles_sync_prints
from core.workspaces.workspace import Workspace

PAGE_PROFILES = 2_000
_PROFILE = tuple(profiles.c[name] for name in ("id", "created_at", "updated_at", "merged_into", "traits"))
_PRINT = (profiles_sync_prints.c.profile_id, profiles_sync_prints.c.print)
_PAGE = (
    select(*_PROFILE)
    .where(profiles.c.space_id == bindparam("space_id"), profiles.c.id > bindparam("after"))
    .order_by(profiles.c.id)
    .limit(PAGE_PROFILES)
)
_IDENTIFIER = tuple(
    identifiers.c[name] for name in ("profile_id", "type", "value", "first_seen_at", "source_id", "first_offset")
)
_MERGE = tuple(merges.c[name] for name in ("merged_id", "survivor_id", "log_offset", "at"))


@dataclass(frozen=True, slots=True)
class Standing:
    """One profile as it is now. `canonical_id` is its own id, or what it was merged into; times in ms.

    `merge` is the offset and the time of the message by which it was merged away.
    """

    id: str
    canonical_id: str
    created_at: int
    updated_at: int
    traits: str
    identifiers: tuple[tuple[Any, ...], ...]
    merge: tuple[int, int] | None

    def make_print(self) -> int:
        """Return 63 bits that differ when anything that is written differs."""
        told = (self.canonical_id, self.created_at, self.updated_at, self.traits, self.identifiers, self.merge)
        return int.from_bytes(hashlib.blake2b(orjson.dumps((CURRENT_LAYOUT, told)), digest_size=8).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class Changed:
    """Profiles that differ from what was written: those to write with their prints, and those that are gone."""

    standings: Sequence[tuple[Standing, int]]
    gone: Sequence[str]

    def __len__(self) -> int:
        """Return how many profiles these are."""
        return len(self.standings) + len(self.gone)


def has_prints(workspace: Workspace, sync_id: str) -> bool:
    """Say whether the warehouse has taken any profile."""
    query = select(profiles_sync_prints.c.print).where(profiles_sync_prints.c.sync_id == sync_id).limit(1)
    with workspace.database.reading() as connection:
        return connection.execute(query).first() is not None


def read_changes(
    workspace: Workspace, sync_id: str, space_id: str, profile_ids: Collection[str] | None
) -> Iterator[Changed]:
    """Yield, page by page, those of `profile_ids` that differ, or those of all profiles of the space."""
    if profile_ids is None:
        yield from _compare_all(workspace, sync_id, space_id)
        return
    ids, seen = sorted(profile_ids), set[str]()
    for start in range(0, len(ids), PAGE_PROFILES):
        with workspace.database.reading() as connection:
            page = set(ids[start : start + PAGE_PROFILES])
            # what was merged into one of them has become something else with it
            survivors = find_survivors(connection, space_id, page).values()
            page |= find_members(connection, space_id, survivors).keys()
            page -= seen
            seen |= page
            rows = select_in(connection, _PROFILE, {"space_id": space_id}, "id", page)
            known = dict(select_in(connection, _PRINT, {"sync_id": sync_id}, "profile_id", page))
            standings = _read_standings(connection, space_id, rows)
        yield from _compare(standings, known)


def _compare_all(workspace: Workspace, sync_id: str, space_id: str) -> Iterator[Changed]:
    after = ""
    while True:
        with workspace.database.reading() as connection:
            page = connection.execute(_PAGE, {"space_id": space_id, "after": after}).all()
            is_last = len(page) < PAGE_PROFILES
            known = _read_prints(connection, sync_id, after, None if is_last else page[-1].id)
            standings = _read_standings(connection, space_id, page)
        yield from _compare(standings, known)
        if is_last:
            return
        after = page[-1].id


def _compare(standings: Sequence[Standing], known: Mapping[str, int]) -> Iterator[Changed]:
    """Yield those that differ from their print, and those that have one and are gone; nothing where there are none."""
    printed = [(each, each.make_print()) for each in standings]
    gone = known.keys() - {each.id for each in standings}
    changed = [(each, print_) for each, print_ in printed if known.get(each.id) != print_]
    if changed or gone:
        yield Changed(changed, sorted(gone))


def write_rows(changed: Changed, log: EventLog) -> Rows:
    """Return the rows that say how these profiles are; none for those that are gone.

    Raises:
        StoreUnreadable: A file of a closed day is damaged or missing.
    """
    rows: Rows = {table: [] for table in CURRENT}
    rows[OWNERS] = [{"segment_id": each.id} for each, _ in changed.standings]
    rows[OWNERS] += [{"segment_id": profile_id} for profile_id in changed.gone]
    received = _read_received(changed, log)
    for each, _ in changed.standings:
        ids = {"segment_id": each.id, "canonical_segment_id": each.canonical_id}
        created = to_iso(from_millis(each.created_at))
        rows[ID_GRAPH].append({**ids, "timestamp": created})
        entries = {key: entry for key, entry in orjson.loads(each.traits).items() if entry[0] is not None}
        rows[PROFILE_TRAITS].append(
            {
                "segment_id": each.id,
                "merged_to": each.canonical_id if each.id != each.canonical_id else None,
                "traits": orjson.dumps({key: entry[0] for key, entry in entries.items()}).decode(),
                "created_at": created,
                "updated_at": to_iso(from_millis(each.updated_at)),
            }
        )
        if each.merge is not None:
            offset, at_ms = each.merge
            told = {"seq": offset, "timestamp": to_iso(from_millis(at_ms)), "received_at": received.get(offset)}
            rows[MERGES].append({**ids, **told})
        for key, (value, at_ms, offset, _trait_id) in entries.items():
            told = {"name": key, "value": to_text(value), "seq": offset}
            rows[USER_TRAITS].append({**ids, **told, "timestamp": to_iso(from_millis(at_ms))})
        for identifier in each.identifiers:
            named, mapped = _tell_identifier(*identifier)
            rows[USER_IDENTIFIERS].append({**ids, **named})
            rows[EXTERNAL_IDS].append({**ids, **mapped})
    return rows


def _read_received(changed: Changed, log: EventLog) -> Mapping[int, str]:
    """Return when the messages came that merged these profiles away, by offset; not of those that left the log."""
    offsets = sorted({each.merge[0] for each, _ in changed.standings if each.merge is not None})
    return {event.offset: to_iso(event.received_at) for event in log.get_many(offsets)} if offsets else {}


def _tell_identifier(type_: str, value: str, first_seen_at: int, source_id: str, first_offset: int) -> tuple[Row, Row]:
    """Return what `USER_IDENTIFIERS` and `EXTERNAL_IDS` say of an identifier."""
    told = {
        "external_id_hash": hash_identifier(type_, value),
        "seq": first_offset,
        "timestamp": to_iso(from_millis(first_seen_at)),
    }
    named = {"type": type_, "value": value, "source_id": source_id, **told}
    return named, {"external_id_type": type_, "external_id_value": value, **told}


def read_removed(connection: Connection, space_id: str, changed: Changed, built_to: int) -> Sequence[Row]:
    """Return a row for each identifier that was deleted from these profiles, or from one that became one of them.

    A profile that loses an identifier differs, so it is among those of the run that has to say so. A deletion behind
    `built_to` is not there yet.
    """
    table = deleted_identifiers.c
    query = select(table.profile_id, table.type, table.value, table.log_offset, table.created_at).where(
        table.space_id == space_id, table.log_offset <= built_to
    )
    found = connection.execute(query).all()
    members = find_members(connection, space_id, [each.id for each, _ in changed.standings]) if found else {}
    return [
        {
            "segment_id": row.profile_id,
            **describe_mapping(REMOVED, row.type, row.value, row.log_offset),
            "timestamp": to_iso(row.created_at),
        }
        for row in found
        if row.profile_id in members
    ]


def _read_prints(connection: Connection, sync_id: str, after: str, last: str | None) -> dict[str, int]:
    table = profiles_sync_prints.c
    query = select(table.profile_id, table.print).where(table.sync_id == sync_id, table.profile_id > after)
    if last is not None:
        query = query.where(table.profile_id <= last)
    return {row.profile_id: row.print for row in connection.execute(query)}


def _read_standings(connection: Connection, space_id: str, page: Sequence[Found[Any]]) -> list[Standing]:
    merged = {row.id for row in page if row.merged_into is not None}
    canonical: Mapping[str, str] = find_survivors(connection, space_id, merged) if merged else {}
    survivors = {row.merged_into for row in page} - {None}
    merged_by = {
        (row.merged_id, row.survivor_id): (row.log_offset, row.at)
        for row in select_in(connection, _MERGE, {"space_id": space_id}, "survivor_id", survivors)
    }
    known: dict[str, list[tuple[Any, ...]]] = {}
    ids = [row.id for row in page]
    for profile_id, *told in select_in(connection, _IDENTIFIER, {"space_id": space_id}, "profile_id", ids):
        known.setdefault(profile_id, []).append(tuple(told))
    return [
        Standing(
            row.id,
            canonical.get(row.id, row.id),
            row.created_at,
            row.updated_at,
            row.traits,
            tuple(sorted(known.get(row.id, ()))),
            merged_by.get((row.id, row.merged_into)),
        )
        for row in page
    ]
