"""Which profiles a profiles sync has to look at: those that changed since its last run, each once.

The search index takes the rows of changes away when it has followed them. Where the space is written to a warehouse,
their profiles are kept here until they are written, with the version that the space's profiles had then: a run takes
away what is not newer than itself. Beyond `MAX_PROFILES` it is quicker to go through all profiles of the space, so then
that is kept instead of their ids.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, func, select

from core.profiles.changes import Changes, read_changes, read_version
from core.storage.bulk import select_equal, upsert_rows
from core.storage.tables import profiles_sync_changes, profiles_syncs

MAX_PROFILES = 50_000
_EVERYTHING = ""
"""In place of a profile: any may differ."""


def pass_on(connection: Connection, space_id: str, changes: Changes) -> None:
    """Keep changes that are about to be forgotten for the space's profiles sync, in the caller's transaction."""
    for (sync_id,) in select_equal(connection, (profiles_syncs.c.id,), {"space_id": space_id}):
        version = read_version(connection, space_id)
        upsert_rows(
            connection, profiles_sync_changes, [(sync_id, profile_id, version) for profile_id in changes.profile_ids]
        )
        table = profiles_sync_changes
        kept = select(func.count()).select_from(table).where(table.c.sync_id == sync_id)
        if connection.execute(kept).scalar_one() > MAX_PROFILES:
            pass_on_everything(connection, sync_id, version)


def pass_on_everything(connection: Connection, sync_id: str, version: int = 0) -> None:
    """Have the next run of a profiles sync go through all profiles, in the caller's transaction."""
    connection.execute(delete(profiles_sync_changes).where(profiles_sync_changes.c.sync_id == sync_id))
    upsert_rows(connection, profiles_sync_changes, [(sync_id, _EVERYTHING, version)])


def read_passed_on(connection: Connection, sync_id: str, space_id: str) -> Collection[str] | None:
    """Return the profiles that a run has to look at, those that the search index has not followed included.

    None stands for all profiles of the space.
    """
    # in this order: what the index passes on between the two reads is in both, and not in neither
    waiting = read_changes(connection, space_id, max_profiles=MAX_PROFILES)
    kept = select_equal(connection, (profiles_sync_changes.c.profile_id,), {"sync_id": sync_id})
    found = {profile_id for (profile_id,) in kept} | set(waiting.profile_ids)
    is_all = _EVERYTHING in found or len(found) >= MAX_PROFILES
    return None if is_all else found


def forget_passed_on(connection: Connection, sync_id: str, version: int) -> None:
    """Take away what a run has written that began when the space's profiles had this version."""
    table = profiles_sync_changes.c
    connection.execute(delete(profiles_sync_changes).where(table.sync_id == sync_id, table.version <= version))
