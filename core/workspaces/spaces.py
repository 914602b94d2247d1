"""Spaces: where profiles live. Two are permitted (W119); the guided setup makes the first (W1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from core.errors import InvalidField, NotFound
from core.ids import new_id, slugify
from core.storage.tables import space_sources, spaces, workspaces
from core.workspaces.audit import record_change
from core.workspaces.spans import FROM_THE_START, is_open, read_spans, write_spans
from core.workspaces.workspace import MAX_NAME_CHARS, Workspace

DEFAULT_SPACE_NAME = "Unified profiles"
SPACE_KINDS = ("dev", "prod")

Admit = Callable[[Connection], None]
"""Called inside the transaction that inserts; raising refuses the insert (the entitlements use it)."""


@dataclass(frozen=True, slots=True)
class Space:
    """A container of profiles with its own identity rules and traits; its caps are read by `core.identity.caps`."""

    id: str
    name: str
    slug: str
    kind: str
    created_at: datetime


_COLUMNS = tuple(spaces.c[name] for name in Space.__slots__)


def ensure_space(workspace: Workspace, name: str = DEFAULT_SPACE_NAME) -> Space:
    """Return the workspace's first space, making it if there is none."""
    existing = list_spaces(workspace)
    if existing:
        return existing[0]
    try:
        return create_space(workspace, name, kind="prod", admit=_require_no_space)
    except _SpaceExists:
        return list_spaces(workspace)[0]  # another thread or process was first


def create_space(workspace: Workspace, name: str, *, kind: str = "dev", admit: Admit | None = None) -> Space:
    """Make a space. Callers that a person drives use `core.setup.entitlements`, which keeps the limit (W119).

    Raises:
        InvalidField: The name is empty or taken, or the kind is neither dev nor prod.
    """
    now = workspace.now()
    space = Space(new_id("spa", now), name.strip(), slugify(name), kind, now)
    if not space.slug or len(space.name) > MAX_NAME_CHARS or kind not in SPACE_KINDS:
        raise InvalidField(
            f"A space named {name[:MAX_NAME_CHARS]!r} of kind {kind!r} cannot be made.",
            hint=f"Give it a name of 1 to {MAX_NAME_CHARS} characters; its kind is dev or prod.",
        )
    with workspace.database.transaction() as connection:
        connection.execute(select(workspaces.c.id).with_for_update())  # on Postgres: one maker of spaces at a time
        if admit is not None:
            admit(connection)
        if connection.execute(select(spaces.c.id).where(spaces.c.slug == space.slug)).first() is not None:
            raise InvalidField(f"There is already a space named {name!r}.", hint="Choose another name.")
        connection.execute(
            insert(spaces).values(
                id=space.id, name=space.name, slug=space.slug, kind=space.kind, created_at=space.created_at
            )
        )
        after = {"name": space.name, "kind": space.kind}
        record_change(connection, workspace, "created", "space", space.id, after=after)
    return space


def rename_space(workspace: Workspace, space_id: str, name: str) -> Space:
    """Give a space another name; its slug, which addresses and programs go by, stays.

    Raises:
        InvalidField: The name is empty, too long or taken.
        NotFound: There is no such space.
    """
    wanted = name.strip()
    if not slugify(wanted) or len(wanted) > MAX_NAME_CHARS:
        raise InvalidField(
            "The space cannot have this name.", hint=f"Give it a name of 1 to {MAX_NAME_CHARS} characters."
        )
    with workspace.database.transaction() as connection:
        connection.execute(select(workspaces.c.id).with_for_update())
        found = {row.id: row.name for row in connection.execute(select(spaces.c.id, spaces.c.name))}
        if space_id not in found:
            raise _no_space(space_id)
        if any(wanted == other for other_id, other in found.items() if other_id != space_id):
            raise InvalidField(f"There is already a space named {wanted!r}.", hint="Choose another name.")
        if wanted != found[space_id]:
            connection.execute(update(spaces).where(spaces.c.id == space_id).values(name=wanted))
            values = {"name": found[space_id]}, {"name": wanted}
            record_change(connection, workspace, "updated", "space", space_id, before=values[0], after=values[1])
    return get_space(workspace, space_id)


def list_spaces(workspace: Workspace) -> Sequence[Space]:
    """Return all spaces, oldest first."""
    with workspace.database.reading() as connection:
        rows = connection.execute(select(*_COLUMNS).order_by(spaces.c.created_at, spaces.c.id))
        return [Space(**row._mapping) for row in rows]


def get_space(workspace: Workspace, space_id: str) -> Space:
    """Return the space with this id.

    Raises:
        NotFound: There is none.
    """
    for space in list_spaces(workspace):
        if space.id == space_id:
            return space
    raise _no_space(space_id)


def connect_source(workspace: Workspace, space_id: str, source_id: str) -> None:
    """Let the space read the source's events from the first one on; connecting twice changes nothing.

    Where it was disconnected, what came meanwhile is read as well: the profiles are built again.

    Raises:
        NotFound: There is no such space.
    """
    if source_id in list_connected_sources(workspace, space_id):
        return
    with workspace.database.transaction() as connection:
        # The space's row is the lock: whoever connects the same source at the same time waits, and then sees it.
        if connection.execute(select(spaces.c.id).where(spaces.c.id == space_id).with_for_update()).first() is None:
            raise _no_space(space_id)
        pair = (space_sources.c.space_id == space_id, space_sources.c.source_id == source_id)
        row = connection.execute(select(space_sources.c.spans, space_sources.c.replays).where(*pair)).first()
        if row is None:
            values = {"space_id": space_id, "source_id": source_id, "connected_at": workspace.now()}
            connection.execute(insert(space_sources).values(values))
        elif is_open(read_spans(row.spans)):
            return
        else:
            again = {"spans": write_spans(FROM_THE_START), "replays": row.replays + 1}
            connection.execute(update(space_sources).where(*pair).values(again))
        record_change(connection, workspace, "connected", "space", space_id, after={"source_id": source_id})


def list_connected_sources(workspace: Workspace, space_id: str) -> set[str]:
    """Return the ids of the sources whose events the space reads."""
    query = select(space_sources.c.source_id, space_sources.c.spans).where(space_sources.c.space_id == space_id)
    with workspace.database.reading() as connection:
        return {row.source_id for row in connection.execute(query) if is_open(read_spans(row.spans))}


def _no_space(space_id: str) -> NotFound:
    return NotFound(f"There is no profile space {space_id}.", hint="Choose one of the workspace's spaces.")


class _SpaceExists(Exception):
    """Somebody made the first space between our look and our insert."""


def _require_no_space(connection: Connection) -> None:
    if connection.execute(select(spaces.c.id)).first() is not None:
        raise _SpaceExists
