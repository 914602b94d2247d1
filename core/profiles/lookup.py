"""Read profiles: by id, by identifier, with their messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import ColumnElement, Connection, and_, func, select

from core.clock import from_millis
from core.errors import NotFound
from core.events.event_log import StoredEvent, open_event_log
from core.profiles.merge_history import find_members, find_survivor, list_merges
from core.profiles.origin import OriginReader, read_names
from core.profiles.profile import (
    Profile,
    ProfileIdentifier,
    ProfileMerge,
    ProfileSummary,
    ProfileTrait,
    TraitOrigin,
    choose_title,
)
from core.storage.bulk import select_in
from core.storage.tables import identifier_rules, identifiers, profile_messages, profiles, sources
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
]

_IDENTIFIER = tuple(
    identifiers.c[name]
    for name in ("profile_id", "type", "value", "first_seen_at", "last_seen_at", "source_id", "first_offset")
)


def count_profiles(workspace: Workspace, space_id: str) -> int:
    """Return how many people the space knows."""
    query = select(func.count()).select_from(profiles).where(is_live(space_id))
    with workspace.database.reading() as connection:
        return connection.execute(query).scalar_one()


def get_profile(workspace: Workspace, space_id: str, id_or_identifier: str) -> Profile:
    """Return the profile with this id or this `type:value`; an id that was merged away gives its survivor.

    Raises:
        NotFound: There is none.
    """
    log = open_event_log(workspace)
    with workspace.database.reading() as connection:
        profile_id = _find_id(connection, space_id, clean_text(id_or_identifier))
        row = connection.execute(select(profiles).where(is_live(space_id), profiles.c.id == profile_id)).first()
        if row is None:
            raise NotFound(
                f"There is no profile {clean_text(id_or_identifier)!r}.",
                hint="Search for a part of the name, the e-mail or the phone number; messages just sent take a moment.",
            )
        entries = {key: entry for key, entry in orjson.loads(row.traits).items() if entry[0] is not None}
        origins = OriginReader(connection, log.get_many(sorted({entry[2] for entry in entries.values()})))
        traits = tuple(
            ProfileTrait(key, value, from_millis(at_ms), origins.explain(log_offset, trait_id))
            for key, (value, at_ms, log_offset, trait_id) in sorted(entries.items())
        )
        known = read_identifiers(connection, space_id, [row.id]).get(row.id, ())
        merges = tuple(list_merges(connection, space_id, row.id))
    title = choose_title(row.id, {trait.key: trait.value for trait in traits}, known)
    times = from_millis(row.created_at), from_millis(row.updated_at)
    return Profile(row.id, space_id, title, *times, known, traits, merges)


def list_profile_events(
    workspace: Workspace,
    space_id: str,
    profile_id: str,
    *,
    limit: int = 50,
    before: int | None = None,
    types: Sequence[str] = (),
) -> list[StoredEvent]:
    """Return the profile's messages, newest first, those of the profiles merged into it included.

    `before` is the last offset of the page before; `types` are the calls that are meant, all without them.
    """
    table = profile_messages.c
    with workspace.database.reading() as connection:
        survivor = find_survivor(connection, space_id, profile_id)
        ids = find_members(connection, space_id, [survivor])
        query = select(table.log_offset).where(table.space_id == space_id, table.profile_id.in_(ids))
        if before is not None:
            query = query.where(table.log_offset < before)
        if types:
            query = query.where(table.type.in_(types))
        offsets = connection.execute(query.order_by(table.log_offset.desc()).limit(limit)).scalars().all()
    return open_event_log(workspace).get_many(offsets)


def clean_text(text: str) -> str:
    """Return what a person typed without blanks around it."""
    return text.replace("\0", "").strip()  # Postgres takes no NUL, and no stored value holds one


def is_live(space_id: str) -> ColumnElement[bool]:
    """Return the condition for the profiles of a space that were not merged away."""
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


def read_identifiers(
    connection: Connection, space_id: str, profile_ids: Collection[str]
) -> dict[str, tuple[ProfileIdentifier, ...]]:
    """Return the identifiers of each profile, highest priority first."""
    query = select(identifier_rules.c.type, identifier_rules.c.priority)
    ranks = {row.type: row.priority for row in connection.execute(query.where(identifier_rules.c.space_id == space_id))}
    names = read_names(connection, sources)
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
