"""Regulations: what somebody asked to be done with people's data, and how far it has come.

The kinds and statuses are those of the product. Kept once it is over: the kind, the times, who asked, the receipt, and
for each user id a one-way print (SHA-256 of the regulation's id and the user id), by which one can show that a given
person was deleted, and which names nobody. Only the list of suppressed users holds user ids themselves, because the
door has to compare them.

Decisions where the specification is silent:
- The kinds that end in `_INTERNAL` do the same as those without: nothing is deleted outside this workspace.
- A person without a user id can be deleted by their profile, not suppressed: the door compares user ids.
- `PARTIAL_SUCCESS`: all of the person went, and messages of other people mention one of their values.

Source: the specification of the product, user deletion and suppression.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, insert, select, update

from core.errors import InvalidField, NotFound
from core.ids import new_id
from core.privacy.subject import Subject, note_seen
from core.storage.tables import regulations
from core.workspaces.audit import record_change
from core.workspaces.suppression import suppress_users, unsuppress_users
from core.workspaces.workspace import Workspace

MAX_USERS = 5_000
MAX_ID_CHARS = 500


class RegulationKind(StrEnum):
    """What is done."""

    SUPPRESS_WITH_DELETE = "SUPPRESS_WITH_DELETE"
    SUPPRESS_WITH_DELETE_INTERNAL = "SUPPRESS_WITH_DELETE_INTERNAL"
    DELETE_ONLY = "DELETE_ONLY"
    DELETE_INTERNAL = "DELETE_INTERNAL"
    SUPPRESS_ONLY = "SUPPRESS_ONLY"
    UNSUPPRESS = "UNSUPPRESS"

    @property
    def deletes(self) -> bool:
        """Whether the person's data goes."""
        return "DELETE" in self.value

    @property
    def suppresses(self) -> bool:
        """Whether the person's messages are dropped from now on."""
        return self.value.startswith("SUPPRESS")


class RegulationStatus(StrEnum):
    """How far it has come."""

    INITIALIZED = "INITIALIZED"
    INVALID = "INVALID"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    RUNNING = "RUNNING"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    FAILED = "FAILED"
    FINISHED = "FINISHED"


OPEN = (RegulationStatus.INITIALIZED, RegulationStatus.RUNNING)
LABELS: Mapping[str, str] = {
    RegulationKind.SUPPRESS_WITH_DELETE: "Delete and suppress",
    RegulationKind.SUPPRESS_WITH_DELETE_INTERNAL: "Delete and suppress",
    RegulationKind.DELETE_ONLY: "Delete",
    RegulationKind.DELETE_INTERNAL: "Delete",
    RegulationKind.SUPPRESS_ONLY: "Suppress",
    RegulationKind.UNSUPPRESS: "Lift the suppression",
}


@dataclass(frozen=True, slots=True)
class Regulation:
    """One regulation. `receipt` counts what went, by place; `error` is the last failure, as plain JSON."""

    id: str
    kind: RegulationKind
    status: RegulationStatus
    prints: tuple[str, ...]
    requested_at: datetime
    requested_by: str
    started_at: datetime | None
    finished_at: datetime | None
    receipt: dict[str, int]
    error: dict[str, object] | None

    @property
    def is_open(self) -> bool:
        """Whether the worker has something to do for it."""
        return self.status in OPEN


def make_print(regulation_id: str, user_id: str) -> str:
    """Return the one-way print of a user id in a regulation.

    Example:
        >>> make_print("reg_1", "u7")[:12]
        'd1f0c5e9d5cf'
    """
    return hashlib.sha256(f"{regulation_id}:{user_id}".encode()).hexdigest()


def request_regulation(
    workspace: Workspace,
    kind: RegulationKind,
    user_ids: Sequence[str] = (),
    *,
    profile_ids: Mapping[str, Sequence[str]] | None = None,
) -> Regulation:
    """Ask for a regulation. Suppressions count at once; what is to be deleted, the worker deletes.

    Args:
        workspace: Whose data.
        kind: What is done.
        user_ids: Whose: at most `MAX_USERS`.
        profile_ids: Further people by profile: the ids, by space.

    Raises:
        InvalidField: Nobody is named, too many are, or an id is empty, too long or holds control characters.
    """
    ids = list(dict.fromkeys(each.strip() for each in user_ids))
    _require_usable(kind, ids, bool(profile_ids))
    now = workspace.now()
    regulation_id = new_id("reg", now)
    subject = Subject(set(ids), profile_ids={space_id: set(each) for space_id, each in (profile_ids or {}).items()})
    status = RegulationStatus.INITIALIZED if kind.deletes else RegulationStatus.FINISHED
    receipt: dict[str, int] = {}
    with workspace.database.transaction() as connection:
        if kind.suppresses:
            receipt["suppressed"] = suppress_users(connection, ids, now)
        elif kind is RegulationKind.UNSUPPRESS:
            receipt["unsuppressed"] = unsuppress_users(connection, ids)
        if kind.deletes and profile_ids:
            note_seen(connection, subject)
        connection.execute(
            insert(regulations).values(
                id=regulation_id,
                kind=kind,
                status=status,
                prints=[make_print(regulation_id, each) for each in ids],
                subject=subject.to_json() if kind.deletes else None,
                requested_at=now,
                requested_by=workspace.actor,
                finished_at=None if kind.deletes else now,
                receipt=receipt,
            )
        )
        after: dict[str, object] = {"kind": str(kind), "people": max(len(ids), len(profile_ids or {}))}
        record_change(connection, workspace, "requested", "regulation", regulation_id, after=after)
    return get_regulation(workspace, regulation_id)


def get_regulation(workspace: Workspace, regulation_id: str) -> Regulation:
    """Return a regulation.

    Raises:
        NotFound: There is none.
    """
    with workspace.database.reading() as connection:
        row = connection.execute(select(regulations).where(regulations.c.id == regulation_id)).first()
    if row is None:
        raise NotFound(f"There is no regulation {regulation_id!r}.", hint="`privacy list` shows all of them.")
    return _to_regulation(row)


def list_regulations(workspace: Workspace, *, only_open: bool = False, limit: int = 100) -> list[Regulation]:
    """Return regulations, the newest first; of those that are open, the oldest first."""
    table = regulations.c
    query = select(regulations).order_by(table.requested_at.desc(), table.id.desc()).limit(limit)
    if only_open:
        query = select(regulations).where(table.status.in_(OPEN)).order_by(table.requested_at, table.id).limit(limit)
    with workspace.database.reading() as connection:
        return [_to_regulation(row) for row in connection.execute(query)]


def retry_regulation(workspace: Workspace, regulation_id: str) -> None:
    """Have a regulation that failed carried out once more, from where it stands.

    Raises:
        InvalidField: It did not fail.
    """
    failed = regulations.c.status == RegulationStatus.FAILED
    with workspace.database.transaction() as connection:
        values = {"status": RegulationStatus.RUNNING, "error": None}
        query = update(regulations).where(regulations.c.id == regulation_id, failed).values(values)
        if not connection.execute(query).rowcount:
            raise InvalidField(f"{regulation_id} has not failed.", hint="`privacy list` shows how far each has come.")
        record_change(connection, workspace, "retried", "regulation", regulation_id)


def _require_usable(kind: RegulationKind, ids: Sequence[str], has_profiles: bool) -> None:
    if not ids and (kind.suppresses or kind is RegulationKind.UNSUPPRESS or not has_profiles):
        raise InvalidField(
            "No user id is named.",
            hint="Name at least one user id. A person without one can be deleted by their profile, not suppressed.",
        )
    if len(ids) > MAX_USERS:
        raise InvalidField(f"{len(ids):,} user ids are too many.", hint=f"Name at most {MAX_USERS:,} at once.")
    if any(not each or len(each) > MAX_ID_CHARS or not each.isprintable() for each in ids):
        raise InvalidField(
            "A user id is empty, too long or holds control characters.",
            hint=f"A user id has 1 to {MAX_ID_CHARS} printable characters; letter case counts.",
        )


def _to_regulation(row: Row[*tuple[object, ...]]) -> Regulation:
    values = dict(row._mapping)
    del values["subject"]
    values |= {
        "kind": RegulationKind(values["kind"]),
        "status": RegulationStatus(values["status"]),
        "prints": tuple(values["prints"]),
    }
    return Regulation(**values)
