"""The workspace: what every other package takes as its first argument."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from core.clock import Clock, SystemClock
from core.errors import IllegalTransition, InvalidField
from core.storage.database import Database, open_database
from core.storage.home import Home, open_home
from core.storage.migrate import migrate
from core.storage.tables import workspaces
from core.workspaces.audit import record_change
from core.workspaces.secrets import SecretBox, open_secret_box

WORKSPACE_ID = "workspace"
MAX_NAME_CHARS = 120


class Access(StrEnum):
    """How far the request to use the guided setup has come (W3)."""

    NONE = "none"
    REQUESTED = "requested"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One opened workspace: its folder, its state store, its key and its clock. Safe to share between threads."""

    home: Home
    database: Database
    secrets: SecretBox
    clock: Clock
    actor: str = "local"

    def now(self) -> datetime:
        """Return the current time of the workspace's clock."""
        return self.clock.now()

    def close(self) -> None:
        """Close the state store's connections."""
        self.database.close()


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """Name and access of the workspace."""

    name: str
    access: Access
    requested_at: datetime | None
    accepted_at: datetime | None


def open_workspace(
    home: str | None = None, *, database_url: str | None = None, clock: Clock | None = None, actor: str = "local"
) -> Workspace:
    """Open the workspace in `home` (else `ONRAMP_HOME`, else `./.onramp`), making and migrating it as needed.

    Raises:
        StoreUnreadable: The folder, the key file or the store cannot be used.
    """
    place = open_home(home)
    database = open_database(place, database_url)
    migrate(database, place)
    workspace = Workspace(place, database, open_secret_box(place), clock or SystemClock(), actor)
    _ensure_row(workspace)
    return workspace


def get_workspace_info(workspace: Workspace) -> WorkspaceInfo:
    """Return the workspace's name and access."""
    with workspace.database.reading() as connection:
        row = connection.execute(select(workspaces)).one()
    return WorkspaceInfo(row.name, Access(row.access), row.requested_at, row.accepted_at)


def request_access(workspace: Workspace) -> WorkspaceInfo:
    """Ask for access to the guided setup; a self-hosted install accepts by itself unless `ONRAMP_ACCESS=manual`."""
    info = get_workspace_info(workspace)
    if info.access is Access.NONE:
        _change_access(workspace, Access.REQUESTED, requested_at=workspace.now())
        if os.environ.get("ONRAMP_ACCESS") != "manual":
            return accept_access(workspace)
    return get_workspace_info(workspace)


def accept_access(workspace: Workspace) -> WorkspaceInfo:
    """Accept the request for access.

    Raises:
        IllegalTransition: Nobody has asked for access yet.
    """
    info = get_workspace_info(workspace)
    if info.access is Access.NONE:
        raise IllegalTransition(
            "Nobody has requested access yet.", hint="Request access on the start page first, then accept it here."
        )
    if info.access is Access.REQUESTED:
        _change_access(workspace, Access.ACCEPTED, accepted_at=workspace.now())
    return get_workspace_info(workspace)


def rename_workspace(workspace: Workspace, name: str) -> None:
    """Give the workspace another name.

    Raises:
        InvalidField: The name is empty or longer than `MAX_NAME_CHARS`.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise InvalidField(
            "The workspace cannot have this name.", hint=f"Give it a name of 1 to {MAX_NAME_CHARS} characters."
        )
    before = get_workspace_info(workspace).name
    with workspace.database.transaction() as connection:
        connection.execute(update(workspaces).values(name=name))
        record_change(
            connection, workspace, "updated", "workspace", WORKSPACE_ID, before={"name": before}, after={"name": name}
        )


def _ensure_row(workspace: Workspace) -> None:
    with workspace.database.reading() as connection:
        if connection.execute(select(workspaces.c.id)).first() is not None:
            return
    values = {"id": WORKSPACE_ID, "name": "My workspace", "access": Access.NONE, "created_at": workspace.now()}
    with suppress(IntegrityError), workspace.database.transaction() as connection:  # another process may be first
        connection.execute(insert(workspaces).values(values))


def _change_access(workspace: Workspace, access: Access, **times: datetime) -> None:
    before = get_workspace_info(workspace).access
    with workspace.database.transaction() as connection:
        connection.execute(update(workspaces).values(access=access, **times))
        record_change(
            connection,
            workspace,
            "updated",
            "workspace",
            WORKSPACE_ID,
            before={"access": before},
            after={"access": access},
        )
