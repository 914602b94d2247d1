"""Tokens of the Profile API: one opens the profiles of one space for reading, and some for deleting identifiers.

A token is 256 bits of chance, shown once. The store keeps its SHA-256: a slow password hash guards what people can
guess, and nobody guesses 256 bits, while a fast hash can be looked up at each of a thousand requests a second.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert, select, update

from core.errors import InvalidField, NotFound
from core.ids import new_id
from core.storage.tables import profile_tokens
from core.workspaces.audit import record_change
from core.workspaces.spaces import get_space
from core.workspaces.workspace import Workspace

PREFIX = "onr_"
MAX_NAME_CHARS = 80
_LAST_CHARS = 4
_COLUMNS = [column for column in profile_tokens.c if column.name != "token_hash"]


@dataclass(frozen=True, slots=True)
class ProfileToken:
    """One token as it is listed: never the token itself."""

    id: str
    space_id: str
    name: str
    last_chars: str
    may_delete: bool
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewProfileToken:
    """A token that was just made, with the text that nobody is shown again."""

    token: ProfileToken
    text: str = field(repr=False)


def create_token(workspace: Workspace, space_id: str, name: str, *, may_delete: bool = False) -> NewProfileToken:
    """Make a token for the profiles of a space.

    Args:
        workspace: Where the space is.
        space_id: Whose profiles it opens.
        name: The program that will use it.
        may_delete: Whether it may delete identifiers from profiles, too.

    Raises:
        NotFound: There is no such space.
        InvalidField: The name is empty or too long.
    """
    space = get_space(workspace, space_id)
    label = " ".join(name.split())
    if not 0 < len(label) <= MAX_NAME_CHARS:
        raise InvalidField(
            "The token has no usable name.",
            hint=f"Name it after the program that will use it, in 1 to {MAX_NAME_CHARS} characters.",
        )
    text, now = PREFIX + secrets.token_urlsafe(32), workspace.now()
    token = ProfileToken(new_id("tok", now), space.id, label, text[-_LAST_CHARS:], may_delete, now, None)
    with workspace.database.transaction() as connection:
        connection.execute(
            insert(profile_tokens).values(
                id=token.id,
                space_id=space.id,
                name=label,
                token_hash=hash_token(text),
                last_chars=token.last_chars,
                may_delete=may_delete,
                created_at=now,
            )
        )
        after = {"name": label, "space_id": space.id, "last_chars": token.last_chars, "may_delete": may_delete}
        record_change(connection, workspace, "created", "profile_token", token.id, after=after)
    return NewProfileToken(token, text)


def list_tokens(workspace: Workspace, space_id: str) -> Sequence[ProfileToken]:
    """Return the space's tokens, newest first, revoked ones included."""
    table = profile_tokens.c
    query = select(*_COLUMNS).where(table.space_id == space_id).order_by(table.created_at.desc(), table.id.desc())
    with workspace.database.reading() as connection:
        return [ProfileToken(**row._mapping) for row in connection.execute(query)]


def revoke_token(workspace: Workspace, token_id: str) -> ProfileToken:
    """Refuse the token from now on, in every process within a second; revoking twice changes nothing.

    Raises:
        NotFound: There is no such token.
    """
    is_it = profile_tokens.c.id == token_id
    with workspace.database.transaction() as connection:
        row = connection.execute(select(*_COLUMNS).where(is_it)).first()
        if row is None:
            raise NotFound(f"There is no token {token_id!r}.", hint="List the tokens; each has an id of its own.")
        if row.revoked_at is None:
            connection.execute(update(profile_tokens).where(is_it).values(revoked_at=workspace.now()))
            record_change(connection, workspace, "revoked", "profile_token", token_id, before={"name": row.name})
        row = connection.execute(select(*_COLUMNS).where(is_it)).one()
    return ProfileToken(**row._mapping)


def hash_token(text: str) -> str:
    """Return what the store knows a token by."""
    return hashlib.sha256(text.encode()).hexdigest()
