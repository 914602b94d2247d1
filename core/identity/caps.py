"""The caps on one profile: how many merges and identifiers it may have, a setting of the space with safe defaults.

A change applies to new messages; a profile above a lower cap stays as it is and takes no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, update

from core.errors import InvalidField, NotFound
from core.identity.resolve import MAX_IDENTIFIERS, MAX_MERGES, Caps
from core.storage.bulk import select_equal
from core.storage.tables import spaces
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

HIGHEST_CAP = 100_000
"""Above it one message could make a profile that no page can show."""


CAPS_COLUMNS = (spaces.c.max_merges, spaces.c.max_identifiers)


def read_caps(connection: Connection, space_id: str) -> Caps:
    """Return the caps of the space as `connection` sees them."""
    return to_caps(select_equal(connection, CAPS_COLUMNS, {"id": space_id}))


def to_caps(rows: Iterable[Sequence[int | None]]) -> Caps:
    """Return the caps in `CAPS_COLUMNS` of a space; the defaults where there is none."""
    for max_merges, max_identifiers in rows:
        return Caps(max_merges or MAX_MERGES, max_identifiers or MAX_IDENTIFIERS)
    return Caps()


def get_caps(workspace: Workspace, space_id: str) -> Caps:
    """Return the caps of the space."""
    with workspace.database.reading() as connection:
        return read_caps(connection, space_id)


def change_caps(workspace: Workspace, space_id: str, caps: Caps) -> None:
    """Set the caps of the space.

    Raises:
        InvalidField: A cap is below 1 or above `HIGHEST_CAP`.
        NotFound: There is no such space.
    """
    for name, value in (("merges", caps.merges), ("identifiers", caps.identifiers)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST_CAP:
            raise InvalidField(
                f"A profile cannot have a cap of {value!r} {name}.",
                hint=f"Use a whole number from 1 to {HIGHEST_CAP:,}; the defaults are {MAX_MERGES} merges and"
                f" {MAX_IDENTIFIERS:,} identifiers.",
            )
    values = {"max_merges": caps.merges, "max_identifiers": caps.identifiers}
    with workspace.database.transaction() as connection:
        before = read_caps(connection, space_id)
        if not connection.execute(update(spaces).where(spaces.c.id == space_id).values(values)).rowcount:
            raise NotFound(f"There is no profile space {space_id}.", hint="Choose one of the workspace's spaces.")
        if before == caps:
            return
        known = {"max_merges": before.merges, "max_identifiers": before.identifiers}
        record_change(connection, workspace, "updated", "space", space_id, before=known, after=values)
