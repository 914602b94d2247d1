"""Links to the Flex view: whom an agent's desktop shows, sealed, for a few minutes.

A token must not stand in an address, where histories and logs of proxies keep it, and neither must a customer's phone
number. So a server that has the token asks for a link, and the browser opens that. Nothing is stored: the link is
encrypted and signed with the workspace's key. It ends with its time, and with the token that asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import from_millis, to_millis
from core.errors import InvalidField
from core.workspaces.workspace import Workspace

DEFAULT_MINUTES = 10
MAX_MINUTES = 12 * 60
"""A shift: the desktop may keep the view open."""
MAX_WHO_CHARS = 600
_PURPOSE = "flex view"


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What a link opens. `who` is as it was typed; `token_id` is empty where a person made the link on a page."""

    space_id: str
    who: str
    token_id: str
    expires_at: datetime


def make_view_link(
    workspace: Workspace, space_id: str, who: str, *, token_id: str = "", minutes: int = DEFAULT_MINUTES
) -> tuple[str, datetime]:
    """Return the last part of the view's address, and when it ends.

    Args:
        workspace: Whose key seals it.
        space_id: Whose profiles.
        who: `type:value`, or a phone number, an e-mail address or a user id as somebody typed it.
        token_id: Whose revocation ends the link too.
        minutes: How long it opens the view.

    Raises:
        InvalidField: `who` is empty or too long, or the time is out of bounds.
    """
    if not 0 < len(who.strip()) <= MAX_WHO_CHARS:
        raise InvalidField(
            "The link names nobody.", hint=f"Give who as type:value, in 1 to {MAX_WHO_CHARS} characters."
        )
    if not 1 <= minutes <= MAX_MINUTES:
        raise InvalidField(f"A link cannot last {minutes:,} minutes.", hint=f"Give 1 to {MAX_MINUTES} minutes.")
    expires_at = workspace.now() + timedelta(minutes=minutes)
    values = {"for": _PURPOSE, "space": space_id, "who": who.strip(), "token": token_id}
    return workspace.secrets.seal({**values, "until": str(to_millis(expires_at))}), expires_at


def read_view_link(workspace: Workspace, text: str) -> ViewRequest | None:
    """Return what the link opens; None for one that has ended, or that this workspace did not make."""
    values = workspace.secrets.unseal(text)
    if values is None or values.get("for") != _PURPOSE:
        return None
    expires_at = from_millis(int(values["until"]))
    if expires_at <= workspace.now():
        return None
    return ViewRequest(values["space"], values["who"], values["token"], expires_at)
