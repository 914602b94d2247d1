"""`/flex/<link>`: the Flex view, opened by a link that a server with a token asked for. Contract: docs/flex-view.md.

It stands in front of the boundary: the link is its guard. Which pages may show it in a frame is a setting of the space.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.clock import SystemClock
from core.http.flex_page import STYLE_HASH, THEMES, draw_choice, draw_ended, draw_failure, draw_nobody, draw_person
from core.http.profile_gate import ProfileGate
from core.incidents import report_incident
from core.profiles.api_reads import OWN_ID
from core.traits.flex_view import describe_view, find_people, read_flex_view
from core.workspaces.profile_api import get_api_settings
from core.workspaces.view_links import ViewRequest, make_view_link, read_view_link
from core.workspaces.workspace import Workspace

_PATH = re.compile(r"/flex/([A-Za-z0-9_-]{20,4000})(\.json)?")


class FlexPages:
    """Answers `/flex/<link>` and `/flex/<link>.json`; `app` answers the rest."""

    def __init__(self, app: ASGIApp, get_gate: Callable[[], ProfileGate]) -> None:
        self._app = app
        self._get_gate = get_gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a failure becomes a page, never an exception."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        request, link, is_json = Request(scope), found[1], bool(found[2])
        theme = request.query_params.get("theme", "")
        try:
            response = await self._answer(request, link, theme, is_json=is_json)
        except Exception as error:  # noqa: BLE001 - whatever it is, the agent gets a page and the log the trace
            incident = report_incident(error, SystemClock().now(), "showing a customer")
            response = _write(draw_failure(incident.number, theme), 503)
        response.headers["cache-control"] = "no-store"
        response.headers["referrer-policy"] = "no-referrer"
        response.headers["x-content-type-options"] = "nosniff"
        await response(scope, receive, send)

    async def _answer(self, request: Request, link: str, theme: str, *, is_json: bool) -> Response:
        gate = self._get_gate()
        if request.method not in ("GET", "HEAD"):
            return Response("Use GET.", 405, {"allow": "GET"}, "text/plain")
        opened = read_view_link(gate.workspace, link)
        if opened is None or (opened.token_id and not await gate.is_live(opened.token_id)):
            return _refuse_link(theme, is_json=is_json)
        return await run_in_threadpool(_show, gate.workspace, opened, theme, request.headers.get("origin"), is_json)


def _refuse_link(theme: str, *, is_json: bool) -> Response:
    if is_json:
        return _write_json({"error": {"code": "not_found", "message": "The link has ended; ask for another one."}}, 404)
    return _write(draw_ended(theme), 404)


def _show(workspace: Workspace, opened: ViewRequest, theme: str, origin: str | None, is_json: bool) -> Response:
    people = find_people(workspace, opened.space_id, opened.who)
    views = [read_flex_view(workspace, opened.space_id, profile_id) for profile_id in people]
    origins = get_api_settings(workspace, opened.space_id).frame_origins
    if is_json:
        response = _write_json({"who": opened.who, "people": [describe_view(view) for view in views]})
        response.headers["vary"] = "origin"
        if origin is not None and any(_allows(each, origin) for each in origins):
            response.headers["access-control-allow-origin"] = origin
        return response
    if not views:
        return _write(draw_nobody(opened.who, theme), 200, origins)
    if len(views) == 1:
        return _write(draw_person(views[0], workspace.now(), theme), 200, origins)
    links = [_link_to(workspace, opened, view.profile_id, theme) for view in views]
    return _write(draw_choice(opened.who, list(zip(views, links, strict=True)), theme), 200, origins)


def _link_to(workspace: Workspace, opened: ViewRequest, profile_id: str, theme: str) -> str:
    left = opened.expires_at - workspace.now()
    link, _ = make_view_link(
        workspace,
        opened.space_id,
        f"{OWN_ID}:{profile_id}",
        token_id=opened.token_id,
        minutes=max(1, round(left.total_seconds() / 60)),
    )
    return f"{link}?theme={theme}" if theme in THEMES else link


def _allows(pattern: str, origin: str) -> bool:
    """Say whether a page of `origin` may read; a pattern is an origin, or one with `*.` before its host."""
    scheme, _, host = pattern.partition("://")
    if not host.startswith("*."):
        return origin.lower() == pattern
    return origin.lower().startswith(f"{scheme}://") and origin.lower().endswith(host[1:])


def _write(page: str, status: int, origins: Sequence[str] = ()) -> Response:
    ancestors = " ".join(origins) or "'none'"
    policy = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"
    return HTMLResponse(page, status, {"content-security-policy": f"{policy}; frame-ancestors {ancestors}"})


def _write_json(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document, option=orjson.OPT_UTC_Z), status, media_type="application/json")
