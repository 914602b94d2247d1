"""The merges behind a profile, each with the sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, Row

from core.clock import from_millis
from core.profiles.bulk import select_in
from core.profiles.profile import ProfileMerge
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


def list_merges(connection: Connection, space_id: str, profile_id: str) -> list[ProfileMerge]:
    """Return every merge that led to the profile, those of the profiles merged into it included, oldest first."""
    found: dict[str, ProfileMerge] = {}
    open_ids = {profile_id}
    while open_ids:
        rows = select_in(connection, _COLUMNS, {"space_id": space_id}, "survivor_id", open_ids)
        new = {row.merged_id: _to_merge(row) for row in rows if row.merged_id not in found}
        found |= new
        open_ids = set(new)
    return sorted(found.values(), key=lambda merge: (merge.log_offset, merge.merged_id))


def _to_merge(row: Row[*tuple[object, ...]]) -> ProfileMerge:
    log_offset, merged_id, survivor_id, text, at = row
    reason = orjson.loads(str(text))
    ties = tuple((tie["type"], tie["value"], tie["profile_id"]) for tie in reason["identifiers"])
    return ProfileMerge(
        from_millis(int(str(at))),
        int(str(log_offset)),
        reason["message_id"],
        str(survivor_id),
        str(merged_id),
        ties,
        _describe(int(str(log_offset)), str(survivor_id), str(merged_id), ties, reason["survivor_because"]),
    )


def _describe(
    log_offset: int, survivor_id: str, merged_id: str, ties: Sequence[tuple[str, str, str]], because: str
) -> str:
    known = " and ".join(f"{type_} {value} (known on {owner})" for type_, value, owner in ties)
    why = f"{survivor_id} is older" if because == "older" else "both are equally old, and it has the smaller id"
    return f"Merged {merged_id} into {survivor_id} because message #{log_offset} carried {known}; {why}."
