"""Identifiers that were deleted from a profile: gone from a place in the event log on, whatever messages before it say.

A deletion is kept with the end of the log at that moment. A build that has come to this place takes the identifier off
the profile that has it, so it stays gone when profiles are built again; a message that comes later may bring it, to
this person or to another. Traits, events and merges that it brought stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select

from core.errors import NotFound
from core.profiles.api_reads import find_person
from core.profiles.changes import note_changes
from core.profiles.progress import read_offset
from core.profiles.reading import take_position
from core.storage.tables import deleted_identifiers, identifiers
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

USER_ID = "user_id"


class DeletedIdentifier(NamedTuple):
    """One deletion: `profile_id` had the identifier at `log_offset`, and has not had it since."""

    log_offset: int
    type: str
    value: str
    profile_id: str


@dataclass(frozen=True, slots=True)
class Deletions:
    """The deletions at or behind `after`, the place that a build has come to, in the order of the log."""

    after: int
    rows: Sequence[DeletedIdentifier]

    def find_next(self) -> int | None:
        """Return the place of the next deletion that is not applied yet."""
        return next((each.log_offset for each in self.rows if each.log_offset > self.after), None)

    def list_until(self, offset: int) -> list[DeletedIdentifier]:
        """Return the deletions that a build which goes on to `offset` has to apply."""
        return [each for each in self.rows if self.after < each.log_offset <= offset]


_COLUMNS = tuple(deleted_identifiers.c[name] for name in DeletedIdentifier._fields)


def read_deletions(connection: Connection, space_id: str, after: int) -> Deletions:
    """Return the deletions at or behind a place in the log, as `connection` sees them."""
    return to_deletions(after, connection.execute(select_deletions(space_id, after)))


def select_deletions(space_id: ColumnElement[str] | str, after: ColumnElement[int] | int) -> Select[Any]:
    """Return the query for the deletions at or behind a place in the log."""
    table = deleted_identifiers.c
    return select(*_COLUMNS).where(table.space_id == space_id, table.log_offset >= after)


def to_deletions(after: int, rows: Iterable[Iterable[Any]]) -> Deletions:
    """Return the deletions in the rows of that query."""
    return Deletions(after, tuple(sorted(DeletedIdentifier(*row) for row in rows)))


def apply_deleted(connection: Connection, space_id: str, deleted: Iterable[DeletedIdentifier]) -> None:
    """Take identifiers off their profiles, in the caller's transaction, which has built up to these deletions."""
    for each in deleted:
        table = identifiers.c
        is_it = (table.space_id == space_id, table.type == each.type, table.value == each.value)
        # what a message behind the deletion has brought again stays
        statement = delete(identifiers).where(*is_it, table.first_offset <= each.log_offset).returning(table.profile_id)
        note_changes(connection, space_id, connection.execute(statement).scalars().all())


def delete_identifier(
    workspace: Workspace, space_id: str, user_ids: Sequence[str], type_: str, values: Sequence[str], *, asked_by: str
) -> None:
    """Delete an identifier from the profile of a user.

    Where messages that came before still wait to be built, it goes as soon as they are.

    Args:
        workspace: Where the profile is.
        space_id: Of which space.
        user_ids: The spellings of the user id that names the profile, the likeliest first.
        type_: The identifier's type.
        values: The spellings of its value.
        asked_by: Who asked, for the audit trail.

    Raises:
        NotFound: Code `not_found`: nobody has the user id; code `eid_not_found`: the profile has no such identifier.
    """
    with workspace.database.transaction() as connection:
        position, offset = take_position(connection, workspace, space_id), read_offset(connection, space_id)
        deletions = read_deletions(connection, space_id, offset)
        waiting = {(each.type, each.value) for each in deletions.list_until(position)}
        known = [value for value in user_ids if (USER_ID, value) not in waiting]
        person = find_person(connection, space_id, USER_ID, known)
        if person is None:
            raise NotFound("No profile has this user_id.", hint="Look the person up by another identifier.")
        owned = _list_owned(connection, space_id, person.id) - waiting
        found = next((value for value in values if (type_, value) in owned), None)
        if found is None:
            raise NotFound(
                f"The profile has no {type_} of this value.",
                code="eid_not_found",
                hint="Read its external_ids to see what it has.",
            )
        made = DeletedIdentifier(position, type_, found, person.id)
        values_ = {"space_id": space_id, "created_at": workspace.now(), "created_by": asked_by, **made._asdict()}
        connection.execute(insert(deleted_identifiers).values(values_))
        if offset >= position:
            apply_deleted(connection, space_id, [made])
        before = {"type": type_, "value": found, "asked_by": asked_by}
        record_change(connection, workspace, "deleted", "external_id", f"{space_id}:{person.id}", before=before)


def _list_owned(connection: Connection, space_id: str, profile_id: str) -> set[tuple[str, str]]:
    table = identifiers.c
    query = select(table.type, table.value).where(table.space_id == space_id, table.profile_id == profile_id)
    return {(row.type, row.value) for row in connection.execute(query)}
