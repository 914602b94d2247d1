"""The merges behind a profile, each with the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import Connection, select

from core.clock import from_millis
from core.profiles.profile import ProfileMerge
from core.storage.bulk import select_in
from core.storage.tables import merges, profiles

_COLUMNS = tuple(merges.c[name] for name in ("log_offset", "merged_id", "survivor_id", "reason", "at"))


def find_survivor(connection: Connection, space_id: str, profile_id: str) -> str:
    """Return the profile that `profile_id` has become: itself, or what it was merged into, to the end."""
    return find_survivors(connection, space_id, {profile_id})[profile_id]


def find_survivors(connection: Connection, space_id: str, profile_ids: set[str]) -> dict[str, str]:
    """Return for each profile id the profile it has become."""
    current = {profile_id: profile_id for profile_id in profile_ids}
    open_ids = set(profile_ids)
    while open_ids:
        rows = select_in(connection, (profiles.c.id, profiles.c.merged_into), {"space_id": space_id}, "id", open_ids)
        merged = {row.id: row.merged_into for row in rows if row.merged_into is not None}
        current = {profile_id: merged.get(at, at) for profile_id, at in current.items()}
        open_ids = set(merged.values())
    return current


def find_members(connection: Connection, space_id: str, profile_ids: Iterable[str]) -> dict[str, str]:
    """Return these profiles and all that were merged into them, each with the one of `profile_ids` that it has become.

    Messages keep the id that they were resolved to, so whatever is said of a profile is said of its members.
    """
    members = {profile_id: profile_id for profile_id in profile_ids}
    open_ids = set(members)
    columns = (merges.c.merged_id, merges.c.survivor_id)
    while open_ids:
        rows = select_in(connection, columns, {"space_id": space_id}, "survivor_id", open_ids)
        new = {row.merged_id: members[row.survivor_id] for row in rows if row.merged_id not in members}
        members |= new
        open_ids = set(new)
    return members


def list_merges(connection: Connection, space_id: str, profile_id: str) -> list[ProfileMerge]:
    """Return every merge that led to the profile, those of the profiles merged into it included, oldest first."""
    found: dict[str, ProfileMerge] = {}
    open_ids = {profile_id}
    while open_ids:
        rows = select_in(connection, _COLUMNS, {"space_id": space_id}, "survivor_id", open_ids)
        new = {row[1]: read_merge(*row) for row in rows if row[1] not in found}
        found |= new
        open_ids = set(new)
    return sorted(found.values(), key=lambda merge: (merge.log_offset, merge.merged_id))


def find_merge(connection: Connection, space_id: str, merged_id: str) -> ProfileMerge | None:
    """Return the merge in which `merged_id` was merged away; None where it never was."""
    table = merges.c
    query = select(*_COLUMNS).where(table.space_id == space_id, table.merged_id == merged_id)
    profile = select(profiles.c.merged_into).where(profiles.c.space_id == space_id, profiles.c.id == merged_id)
    survivor_id = connection.execute(profile).scalar()
    if survivor_id is None:
        return None
    row = connection.execute(query.where(table.survivor_id == survivor_id)).first()
    return None if row is None else read_merge(*row)


def read_merge(log_offset: int, merged_id: str, survivor_id: str, reason: str, at_ms: int) -> ProfileMerge:
    """Return a merge from the columns that the store has of it."""
    known = orjson.loads(reason)
    ties = tuple((tie["type"], tie["value"], tie["profile_id"]) for tie in known["identifiers"])
    sentence = _describe(log_offset, survivor_id, merged_id, ties, known["survivor_because"])
    at, message_id = from_millis(at_ms), known["message_id"]
    return ProfileMerge(at, log_offset, message_id, survivor_id, merged_id, ties, sentence, reason)


def _describe(
    log_offset: int, survivor_id: str, merged_id: str, ties: Sequence[tuple[str, str, str]], because: str
) -> str:
    known = " and ".join(f"{type_} {value} (known on {owner})" for type_, value, owner in ties)
    why = f"{survivor_id} is older" if because == "older" else "both are equally old, and it has the smaller id"
    return f"Merged {merged_id} into {survivor_id} because message #{log_offset} carried {known}; {why}."
