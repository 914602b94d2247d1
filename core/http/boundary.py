"""Until there is a login, only this machine is served (docs/decisions/0005).

The tracking surface stands in front of this boundary and is for everybody (0010).
"""

from __future__ import annotations

import ipaddress
import os

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = ("localhost",)
_REFUSAL = (
    "Onramp serves only the machine it runs on, because it has no login yet. Open it there, through localhost; "
    "a reverse proxy on the same machine names its host in ONRAMP_ALLOWED_HOSTS."
)


class Boundary:
    """Refuses every client but this machine, and every Host name that does not mean it (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403; a websocket is closed."""
        if scope["type"] not in ("http", "websocket") or is_local(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403, "reason": "Only this machine is served."})
        else:
            await PlainTextResponse(_REFUSAL, 403)(scope, receive, send)


def is_local(scope: Scope) -> bool:
    """Say whether the request comes from this machine and asks for it by name."""
    client = scope.get("client")
    if client is not None and not _is_loopback(client[0]):
        return False
    host = _strip_port(Headers(scope=scope).get("host", ""))
    allowed = {name.strip().lower() for name in os.environ.get("ONRAMP_ALLOWED_HOSTS", "").split(",") if name.strip()}
    return host in LOCAL_NAMES or host in allowed or _is_loopback(host)


def _strip_port(host: str) -> str:
    if host.startswith("["):
        return host[1 : host.find("]")]
    return host.rsplit(":", 1)[0].lower() if host.count(":") == 1 else host.lower()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
