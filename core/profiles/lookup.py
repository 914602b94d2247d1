"""Finding a profile, and everything it says, with where each value comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from core.clock import from_millis
from core.errors import NotFound
from core.events.event_log import StoredEvent, open_event_log
from core.profiles.origin import TraitOrigin, read_origins
from core.records import Json
from core.storage.tables import identifiers, merges, profile_messages, profiles, sources
from core.workspaces.workspace import Workspace

MAX_MERGE_DEPTH = 200
_SURVIVES = {"older": "it is older", "smaller_id": "both are equally old and its id is the smaller one"}
_TYPED = re.compile(r"^([a-z0-9_.]+):(.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One line of a search: who it is, in words."""

    id: str
    title: str
    subtitle: str
    identifiers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProfileIdentifier:
    """One identifier of a profile. `source` is the name of the source that first sent it."""

    type: str
    value: str
    first_seen_at: datetime
    last_seen_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class ProfileTrait:
    """One trait: its value, when it was true, and where it comes from."""

    key: str
    value: Json
    updated_at: datetime
    origin: TraitOrigin


@dataclass(frozen=True, slots=True)
class ProfileMerge:
    """One merge into this profile, as a sentence that says why."""

    merged_id: str
    at: datetime
    log_offset: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One person."""

    id: str
    space_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    identifiers: tuple[ProfileIdentifier, ...]
    traits: tuple[ProfileTrait, ...]
    merges: tuple[ProfileMerge, ...]


def count_profiles(workspace: Workspace, space_id: str) -> int:
    """Return how many profiles the space has; merged ones do not count."""
    query = select(func.count()).where(profiles.c.space_id == space_id, profiles.c.merged_into.is_(None))
    with workspace.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def search_profiles(
    workspace: Workspace, space_id: str, text: str, limit: int = 20, *, skip: int = 0
) -> list[ProfileSummary]:
    """Return profiles by any identifier or trait: exact identifiers first, then whatever holds the text.

    Args:
        workspace: The opened workspace.
        space_id: Whose profiles.
        text: A value, a part of one, or `type:value`; letter case does not matter. Empty: the newest profiles.
        limit: At most this many.
        skip: How many of the first to leave out, for the next page.
    """
    wanted = " ".join(text.split()).lower()
    with workspace.database.reading() as connection:
        rows = list(connection.execute(_search(space_id, wanted).offset(skip).limit(limit)))
        exact = [] if skip or not wanted else _find_exact(connection, space_id, text.strip())
        found = list({row.id: row for row in [*exact, *rows]}.values())[:limit]
        return _summarise(connection, space_id, found)


def get_profile(workspace: Workspace, space_id: str, who: str) -> Profile:
    """Return a profile by its id, or by `type:value`; an id that was merged away leads to its survivor.

    Raises:
        NotFound: Nobody has this id or identifier.
    """
    with workspace.database.reading() as connection:
        row = _find_one(connection, space_id, who)
        if row is None:
            raise NotFound(
                f"There is no profile {who!r}.",
                hint="Use a profile id or TYPE:VALUE such as email:ada@example.org; search finds parts of values.",
            )
        names = _read_source_names(connection)
        owned = _read_identifiers(connection, space_id, [row.id]).get(row.id, [])
        kept = {key: entry for key, entry in orjson.loads(row.traits).items() if entry[0] is not None}
        origins = read_origins(workspace, connection, {key: (entry[2], entry[3]) for key, entry in kept.items()})
        found_merges = _read_merges(connection, space_id, row.id)
    return Profile(
        id=row.id,
        space_id=space_id,
        title=_make_title(kept, owned),
        created_at=from_millis(row.created_at),
        updated_at=from_millis(row.updated_at),
        identifiers=tuple(
            ProfileIdentifier(
                item.type,
                item.value,
                from_millis(item.first_seen_at),
                from_millis(item.last_seen_at),
                names.get(item.source_id, item.source_id),
            )
            for item in owned
        ),
        traits=tuple(
            ProfileTrait(key, entry[0], from_millis(entry[1]), origins[key]) for key, entry in sorted(kept.items())
        ),
        merges=tuple(found_merges),
    )


def list_profile_events(
    workspace: Workspace, space_id: str, profile_id: str, *, limit: int = 50, before: int | None = None
) -> list[StoredEvent]:
    """Return a profile's messages, newest first, those of the profiles merged into it included."""
    with workspace.database.reading() as connection:
        query = (
            select(profile_messages.c.log_offset)
            .where(
                profile_messages.c.space_id == space_id,
                profile_messages.c.profile_id.in_(_list_family(connection, space_id, profile_id)),
            )
            .order_by(profile_messages.c.log_offset.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(profile_messages.c.log_offset < before)
        offsets = [row.log_offset for row in connection.execute(query)]
    return open_event_log(workspace).get_many(offsets)


def _search(space_id: str, wanted: str) -> Select[tuple[object, ...]]:
    query = (
        select(profiles)
        .where(profiles.c.space_id == space_id, profiles.c.merged_into.is_(None))
        .order_by(profiles.c.updated_at.desc(), profiles.c.id)
    )
    return query.where(profiles.c.search.contains(wanted, autoescape=True)) if wanted else query


def _find_exact(connection: Connection, space_id: str, text: str) -> list[Row[tuple[object, ...]]]:
    typed = _TYPED.match(text)
    spellings = {text, text.lower()}
    condition: ColumnElement[bool] = identifiers.c.value.in_(spellings)
    if typed:
        value = typed.group(2).strip()
        condition = or_(
            condition, (identifiers.c.type == typed.group(1)) & identifiers.c.value.in_({value, value.lower()})
        )
    query = select(identifiers.c.profile_id).where(identifiers.c.space_id == space_id, condition).limit(20)
    return [
        row
        for found in connection.execute(query).all()
        if (row := _follow(connection, space_id, found.profile_id)) is not None
    ]


def _find_one(connection: Connection, space_id: str, who: str) -> Row[tuple[object, ...]] | None:
    row = _follow(connection, space_id, who)
    if row is not None:
        return row
    typed = _TYPED.match(who)
    if typed is None:
        return None
    value = typed.group(2).strip()
    query = select(identifiers.c.profile_id).where(
        identifiers.c.space_id == space_id,
        identifiers.c.type == typed.group(1),
        identifiers.c.value.in_({value, value.lower()}),
    )
    found = connection.execute(query).first()
    return None if found is None else _follow(connection, space_id, found.profile_id)


def _follow(connection: Connection, space_id: str, profile_id: str) -> Row[tuple[object, ...]] | None:
    for _ in range(MAX_MERGE_DEPTH):
        query = select(profiles).where(profiles.c.space_id == space_id, profiles.c.id == profile_id)
        row = connection.execute(query).first()
        if row is None or row.merged_into is None:
            return row
        profile_id = row.merged_into
    return None


def _list_family(connection: Connection, space_id: str, profile_id: str) -> list[str]:
    family, frontier = [profile_id], [profile_id]
    while frontier:
        query = select(profiles.c.id).where(profiles.c.space_id == space_id, profiles.c.merged_into.in_(frontier))
        frontier = [row.id for row in connection.execute(query)]
        family += frontier
    return family


def _summarise(connection: Connection, space_id: str, rows: Sequence[Row[tuple[object, ...]]]) -> list[ProfileSummary]:
    owned = _read_identifiers(connection, space_id, [row.id for row in rows])
    summaries = []
    for row in rows:
        items = owned.get(row.id, [])
        title = _make_title(orjson.loads(row.traits), items)
        shown = [item.value for item in items if item.value != title][:3]
        pairs = tuple((item.type, item.value) for item in items)
        summaries.append(ProfileSummary(row.id, title, " · ".join(shown), pairs))
    return summaries


def _read_identifiers(
    connection: Connection, space_id: str, profile_ids: Sequence[str]
) -> dict[str, list[Row[tuple[object, ...]]]]:
    query = (
        select(identifiers)
        .where(identifiers.c.space_id == space_id, identifiers.c.profile_id.in_(profile_ids))
        .order_by(identifiers.c.first_offset, identifiers.c.type, identifiers.c.value)
    )
    owned: dict[str, list[Row[tuple[object, ...]]]] = {}
    for row in connection.execute(query):
        owned.setdefault(row.profile_id, []).append(row)
    return owned


def _make_title(traits: dict[str, list[object]], owned: Sequence[Row[tuple[object, ...]]]) -> str:
    def value(*keys: str) -> str:
        found = (traits.get(key) for key in keys)
        return next((str(entry[0]) for entry in found if entry and entry[0]), "")

    name = value("name") or f"{value('firstName', 'first_name')} {value('lastName', 'last_name')}".strip()
    by_type = {item.type: item.value for item in owned}
    return name or by_type.get("email") or by_type.get("user_id") or next(iter(by_type.values()), "Unknown person")


def _read_source_names(connection: Connection) -> dict[str, str]:
    return {row.id: row.name for row in connection.execute(select(sources.c.id, sources.c.name))}


def _read_merges(connection: Connection, space_id: str, profile_id: str) -> list[ProfileMerge]:
    family = _list_family(connection, space_id, profile_id)
    query = (
        select(merges)
        .where(merges.c.space_id == space_id, merges.c.survivor_id.in_(family))
        .order_by(merges.c.log_offset.desc())
    )
    return [
        ProfileMerge(row.merged_id, from_millis(row.at), row.log_offset, _tell_merge(row))
        for row in connection.execute(query)
    ]


def _tell_merge(row: Row[tuple[object, ...]]) -> str:
    reason = orjson.loads(row.reason)
    ties = [f"{tie['type']} {tie['value']} (known on `{tie['profile_id']}`)" for tie in reason["identifiers"]]
    carried = " and ".join(ties)
    why = _SURVIVES.get(reason.get("survivor_because"), "it is older")
    return (
        f"`{row.merged_id}` was merged into `{row.survivor_id}` because message {row.log_offset} carried {carried}; "
        f"`{row.survivor_id}` stayed because {why}."
    )
