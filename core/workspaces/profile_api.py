"""How a space's profiles are served: requests a second, and which pages may show the Flex view in a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import insert, select, update

from core.errors import InvalidField
from core.storage.tables import profile_api_settings
from core.workspaces.audit import record_change
from core.workspaces.spaces import get_space
from core.workspaces.workspace import Workspace

DEFAULT_REQUESTS_PER_S = 100
MAX_REQUESTS_PER_S = 100_000
MAX_FRAME_ORIGINS = 50
_ORIGIN = re.compile(r"https?://(?:\*\.)?(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[0-9]{1,5})?")  # it becomes part of a header


@dataclass(frozen=True, slots=True)
class ProfileApiSettings:
    """`requests_per_s` holds for all tokens of the space together; `frame_origins` are such as https://example.com."""

    requests_per_s: int = DEFAULT_REQUESTS_PER_S
    frame_origins: tuple[str, ...] = ()


def get_api_settings(workspace: Workspace, space_id: str) -> ProfileApiSettings:
    """Return the space's settings; the defaults until somebody saved others."""
    table = profile_api_settings.c
    query = select(table.requests_per_s, table.frame_origins).where(table.space_id == space_id)
    with workspace.database.reading() as connection:
        row = connection.execute(query).first()
    return ProfileApiSettings() if row is None else ProfileApiSettings(row.requests_per_s, tuple(row.frame_origins))


def set_api_settings(
    workspace: Workspace,
    space_id: str,
    *,
    requests_per_s: int | None = None,
    frame_origins: Sequence[str] | None = None,
) -> ProfileApiSettings:
    """Save the settings that are not None; every serving process knows them within a second.

    Raises:
        NotFound: There is no such space.
        InvalidField: The number is out of bounds, or an origin is no address of a website.
    """
    before = get_api_settings(workspace, get_space(workspace, space_id).id)
    after = ProfileApiSettings(
        before.requests_per_s if requests_per_s is None else _check_rate(requests_per_s),
        before.frame_origins if frame_origins is None else _check_origins(frame_origins),
    )
    if after == before:
        return after
    values = {"requests_per_s": after.requests_per_s, "frame_origins": list(after.frame_origins)}
    table = profile_api_settings
    with workspace.database.transaction() as connection:
        changed = connection.execute(update(table).where(table.c.space_id == space_id).values(**values))
        if not changed.rowcount:
            connection.execute(insert(table).values(space_id=space_id, **values))
        record_change(
            connection, workspace, "updated", "profile_api", space_id, before=asdict(before), after=asdict(after)
        )
    return after


def _check_rate(requests_per_s: int) -> int:
    if not 1 <= requests_per_s <= MAX_REQUESTS_PER_S:
        raise InvalidField(
            f"The Profile API cannot be limited to {requests_per_s:,} requests a second.",
            hint=f"Give a whole number from 1 to {MAX_REQUESTS_PER_S:,}.",
        )
    return requests_per_s


def _check_origins(texts: Sequence[str]) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(_to_origin(text.strip()) for text in texts if text.strip()))
    if len(origins) > MAX_FRAME_ORIGINS:
        raise InvalidField(
            f"{len(origins)} addresses are too many.", hint=f"Give at most {MAX_FRAME_ORIGINS} addresses."
        )
    return origins


def _to_origin(text: str) -> str:
    origin = text.lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise InvalidField(
            f"{text!r} is not the address of a website.",
            hint="Give scheme and host, such as https://flex.twilio.com or https://*.example.com; no path.",
        )
    return origin
