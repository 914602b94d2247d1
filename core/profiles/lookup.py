"""Find and read profiles: by id, by identifier, by any trait value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, func, select

from core.clock import from_millis
from core.errors import NotFound
from core.events.event_log import StoredEvent, open_event_log
from core.profiles.bulk import select_in
from core.profiles.merge_history import find_survivor, list_merges
from core.profiles.origin import OriginReader, read_source_names
from core.profiles.profile import (
    Profile,
    ProfileIdentifier,
    ProfileMerge,
    ProfileSummary,
    ProfileTrait,
    TraitOrigin,
    choose_title,
)
from core.storage.tables import identifier_rules, identifiers, profile_messages, profiles
from core.workspaces.workspace import Workspace

__all__ = [
    "Profile",
    "ProfileIdentifier",
    "ProfileMerge",
    "ProfileSummary",
    "ProfileTrait",
    "TraitOrigin",
    "count_profiles",
    "get_profile",
    "list_profile_events",
    "search_profiles",
]

_IDENTIFIER = tuple(
    identifiers.c[name]
    for name in ("profile_id", "type", "value", "first_seen_at", "last_seen_at", "source_id", "first_offset")
)
_MAX_TRAIT_CANDIDATES = 1_000


def count_profiles(workspace: Workspace, space_id: str) -> int:
    """Return how many people the space knows."""
    query = select(func.count()).select_from(profiles).where(_is_live(space_id))
    with workspace.database.reading() as connection:
        return connection.execute(query).scalar_one()


def search_profiles(
    workspace: Workspace, space_id: str, text: str, limit: int = 20, *, offset: int = 0
) -> list[ProfileSummary]:
    """Return the profiles that hold `text` in an identifier or a trait value, in any letter case.

    A profile with exactly this identifier comes first, then the most recently heard of. `type:value` asks for one
    identifier type or trait key. Without text: the most recently heard of.

    Args:
        workspace: Where to look.
        space_id: Whose profiles.
        text: What a person typed.
        limit: Page size; unit: profiles.
        offset: How many to pass over: those of the pages before.
    """
    wanted = _clean(text)
    with workspace.database.reading() as connection:
        exact = _find_exact(connection, space_id, wanted) if wanted else []
        type_, colon, value = wanted.partition(":")
        key, part = type_.strip().lower(), value.strip().lower()
        if colon and key and part and not exact:
            found = _find_by_key(connection, space_id, key, part)
        else:
            found = _find_containing(connection, space_id, wanted.lower(), limit + offset)
        ids = [*exact, *(profile_id for profile_id in found if profile_id not in exact)]
        if colon and not ids:  # a text that only looks like type:value, such as 10:30
            ids = _find_containing(connection, space_id, wanted.lower(), limit + offset)
        return _summarise(connection, space_id, ids[offset : offset + limit])


def get_profile(workspace: Workspace, space_id: str, id_or_identifier: str) -> Profile:
    """Return the profile with this id or this `type:value`; an id that was merged away gives its survivor.

    Raises:
        NotFound: There is none.
    """
    log = open_event_log(workspace)
    with workspace.database.reading() as connection:
        profile_id = _find_id(connection, space_id, _clean(id_or_identifier))
        row = connection.execute(select(profiles).where(_is_live(space_id), profiles.c.id == profile_id)).first()
        if row is None:
            raise NotFound(
                f"There is no profile {_clean(id_or_identifier)!r}.",
                hint="Search for a part of the name, the e-mail or the phone number; messages just sent take a moment.",
            )
        entries = {key: entry for key, entry in orjson.loads(row.traits).items() if entry[0] is not None}
        origins = OriginReader(connection, log, (entry[2] for entry in entries.values()))
        traits = tuple(
            ProfileTrait(key, value, from_millis(at_ms), origins.explain(log_offset, trait_id))
            for key, (value, at_ms, log_offset, trait_id) in sorted(entries.items())
        )
        known = _read_identifiers(connection, space_id, [row.id]).get(row.id, ())
        merges = tuple(list_merges(connection, space_id, row.id))
    title = choose_title(row.id, {trait.key: trait.value for trait in traits}, known)
    times = from_millis(row.created_at), from_millis(row.updated_at)
    return Profile(row.id, space_id, title, *times, known, traits, merges)


def list_profile_events(
    workspace: Workspace, space_id: str, profile_id: str, *, limit: int = 50, before: int | None = None
) -> list[StoredEvent]:
    """Return the profile's messages, newest first, those of the profiles merged into it included.

    `before` is the last offset of the page before.
    """
    table = profile_messages.c
    with workspace.database.reading() as connection:
        survivor = find_survivor(connection, space_id, profile_id)
        ids = [survivor, *(merge.merged_id for merge in list_merges(connection, space_id, survivor))]
        query = select(table.log_offset).where(table.space_id == space_id, table.profile_id.in_(ids))
        if before is not None:
            query = query.where(table.log_offset < before)
        offsets = connection.execute(query.order_by(table.log_offset.desc()).limit(limit)).scalars().all()
    return open_event_log(workspace).get_many(offsets)


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()  # Postgres takes no NUL, and no stored value holds one


def _is_live(space_id: str) -> ColumnElement[bool]:
    return and_(profiles.c.space_id == space_id, profiles.c.merged_into.is_(None))


def _find_id(connection: Connection, space_id: str, text: str) -> str:
    type_, colon, value = text.partition(":")
    if colon:
        table = identifiers.c
        values = {value.strip(), value.strip().lower()} if type_ == "email" else {value.strip()}
        query = select(table.profile_id).where(table.space_id == space_id, table.type == type_, table.value.in_(values))
        found = connection.execute(query).scalar()
        if found is not None:
            return str(found)
    return find_survivor(connection, space_id, text)


def _find_exact(connection: Connection, space_id: str, text: str) -> list[str]:
    type_, colon, value = text.partition(":")
    table = identifiers.c
    rules = select(identifier_rules.c.type).where(identifier_rules.c.space_id == space_id)
    types = set(connection.execute(rules).scalars())
    pairs = [(each, text) for each in types] + ([(type_.strip().lower(), value.strip())] if colon else [])
    found: dict[str, None] = {}
    for each, wanted in sorted(pairs):
        values = {wanted, wanted.lower()}
        query = select(table.profile_id).where(table.space_id == space_id, table.type == each, table.value.in_(values))
        found.update(dict.fromkeys(connection.execute(query).scalars()))
    return list(found)


def _find_containing(connection: Connection, space_id: str, text: str, limit: int) -> list[str]:
    query = select(profiles.c.id).where(_is_live(space_id))
    if text:
        query = query.where(_contains(connection, text))
    query = query.order_by(profiles.c.updated_at.desc(), profiles.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def _find_by_key(connection: Connection, space_id: str, key: str, part: str) -> list[str]:
    query = select(profiles.c.id, profiles.c.traits).where(_is_live(space_id), _contains(connection, part))
    query = query.order_by(profiles.c.updated_at.desc(), profiles.c.id).limit(_MAX_TRAIT_CANDIDATES)
    rows = connection.execute(query).all()
    by_trait = [row.id for row in rows if _has_trait(orjson.loads(row.traits), key, part)]
    known = _read_identifiers(connection, space_id, [row.id for row in rows])
    by_identifier = [
        row.id for row in rows if any(each.type == key and part in each.value.lower() for each in known.get(row.id, ()))
    ]
    return list(dict.fromkeys([*by_identifier, *by_trait]))


def _has_trait(entries: dict[str, list[Any]], key: str, part: str) -> bool:
    return any(name.lower() == key and part in str(entry[0]).lower() for name, entry in entries.items())


def _contains(connection: Connection, text: str) -> ColumnElement[bool]:
    # The column is in lower case already; a plain search for bytes is several times faster than LIKE.
    find = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return find(profiles.c.search, text) > 0


def _summarise(connection: Connection, space_id: str, ids: Sequence[str]) -> list[ProfileSummary]:
    columns = (profiles.c.id, profiles.c.traits)
    rows = {row.id: row.traits for row in select_in(connection, columns, {"space_id": space_id}, "id", ids)}
    known = _read_identifiers(connection, space_id, ids)
    found = []
    for profile_id in ids:
        traits = {key: entry[0] for key, entry in orjson.loads(rows[profile_id]).items()}
        its = known.get(profile_id, ())
        title = choose_title(profile_id, traits, its)
        subtitle = " · ".join(dict.fromkeys(each.value for each in its if each.value != title))
        found.append(ProfileSummary(profile_id, title, subtitle, its))
    return found


def _read_identifiers(
    connection: Connection, space_id: str, profile_ids: Sequence[str]
) -> dict[str, tuple[ProfileIdentifier, ...]]:
    query = select(identifier_rules.c.type, identifier_rules.c.priority)
    ranks = {row.type: row.priority for row in connection.execute(query.where(identifier_rules.c.space_id == space_id))}
    names = read_source_names(connection)
    found: dict[str, list[ProfileIdentifier]] = {}
    rows = select_in(connection, _IDENTIFIER, {"space_id": space_id}, "profile_id", profile_ids)
    for profile_id, type_, value, first_at, last_at, source_id, first_offset in rows:
        times = from_millis(first_at), from_millis(last_at)
        source = names.get(source_id, source_id)
        found.setdefault(profile_id, []).append(
            ProfileIdentifier(type_, value, *times, source, source_id, first_offset)
        )
    return {
        profile_id: tuple(sorted(its, key=lambda each: (ranks.get(each.type, 1_000), each.type, each.first_offset)))
        for profile_id, its in found.items()
    }
