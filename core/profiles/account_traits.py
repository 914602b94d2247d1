"""The traits of accounts that SQL traits keep, and those that deleted computed traits left, by account and key.

An account is no profile: a message that names it alone belongs to nobody, so these traits do not come by the event log
as those of people do. What delivered them is their sync, whose records say for each row what was sent and when. They
stay when profiles are built anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from core.events.message import MAX_GROUP_ID_CHARS
from core.records import Json
from core.storage.bulk import select_equal, select_in, upsert_rows
from core.storage.tables import account_traits

UNUSABLE_ID_CODE = "account_id_unusable"
UNUSABLE_ID = f"The id of the account is empty, longer than {MAX_GROUP_ID_CHARS} characters, or cannot be printed."
_COLUMNS = tuple(account_traits.c[name] for name in ("key", "value", "at", "sync_id"))


@dataclass(frozen=True, slots=True)
class AccountTraits:
    """What one row says of an account; `is_gone` says that the row is returned no more."""

    space_id: str
    group_id: str
    traits: Mapping[str, Json]
    is_gone: bool = False


class KeptTrait(NamedTuple):
    """One value, None for one that was taken away, when it was written, in ms, and by which sync.

    `sync_id` is None where a computed trait that was deleted left it.
    """

    value: Json
    at_ms: int
    sync_id: str | None


def write_account_traits(connection: Connection, sync_id: str, rows: Sequence[AccountTraits], at_ms: int) -> None:
    """Write, in the caller's transaction, what a sync's rows say, later ones over earlier ones.

    A row that is gone takes away what it said, but not what another sync has said since.
    """
    found: dict[tuple[str, str, str], str | None] = {}
    for row in rows:
        for key, value in row.traits.items():
            told = None if row.is_gone or value is None else orjson.dumps(value).decode()
            found[row.space_id, row.group_id.strip(), key] = told
    kept = _find_others(connection, sync_id, [key for key, value in found.items() if value is None])
    upsert_rows(
        connection,
        account_traits,
        [(*key, value, at_ms, sync_id) for key, value in sorted(found.items()) if key not in kept],
    )


def leave_values(connection: Connection, space_id: str, key: str, values: Mapping[str, object], at_ms: int) -> None:
    """Keep, in the caller's transaction, what a computed trait leaves on accounts, until something newer sets it."""
    rows = [(group_id, key, orjson.dumps(value).decode(), at_ms, None) for group_id, value in sorted(values.items())]
    upsert_rows(connection, account_traits, [(space_id, *row) for row in rows])


def read_account_traits(connection: Connection, space_id: str, group_id: str) -> dict[str, KeptTrait]:
    """Return what is kept of an account, by key."""
    rows = select_equal(connection, _COLUMNS, {"space_id": space_id, "group_id": group_id})
    return {
        row.key: KeptTrait(None if row.value is None else orjson.loads(row.value), row.at, row.sync_id) for row in rows
    }


def _find_others(
    connection: Connection, sync_id: str, keys: Sequence[tuple[str, str, str]]
) -> set[tuple[str, str, str]]:
    """Return those of the keys whose value another sync has set."""
    columns = (account_traits.c.group_id, account_traits.c.key, account_traits.c.sync_id)
    others = set()
    for space_id in sorted({space for space, _, _ in keys}):
        groups = sorted({group for space, group, _ in keys if space == space_id})
        for row in select_in(connection, columns, {"space_id": space_id}, "group_id", groups):
            if row.sync_id != sync_id:
                others.add((space_id, row.group_id, row.key))
    return others
