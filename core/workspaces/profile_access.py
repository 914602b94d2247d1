"""Which token opens which space, as the serving processes look it up: read whole, because tokens are few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select

from core.storage.tables import profile_api_settings, profile_tokens
from core.workspaces.profile_api import DEFAULT_REQUESTS_PER_S
from core.workspaces.workspace import Workspace

_QUERY = (
    select(
        profile_tokens.c.token_hash,
        profile_tokens.c.id,
        profile_tokens.c.space_id,
        profile_tokens.c.may_delete,
        profile_api_settings.c.requests_per_s,
    )
    .select_from(profile_tokens)
    .outerjoin(profile_api_settings, profile_api_settings.c.space_id == profile_tokens.c.space_id)
    .where(profile_tokens.c.revoked_at.is_(None))
)


class Grant(NamedTuple):
    """What a token opens."""

    token_id: str
    space_id: str
    requests_per_s: int
    may_delete: bool


def read_grants(workspace: Workspace) -> Mapping[str, Grant]:
    """Return what each token that is not revoked opens, by the token's hash."""
    with workspace.database.reading() as connection:
        return {
            row.token_hash: Grant(row.id, row.space_id, row.requests_per_s or DEFAULT_REQUESTS_PER_S, row.may_delete)
            for row in connection.execute(_QUERY)
        }
