"""The library side of the tracking surface: analytics.js itself, and the settings that libraries start with.

Contract: docs/tracking-api.md. The files are those of the npm package @segment/analytics-next, put into
shell/static/analytics-next/ by frontend/build.py.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.assets import STATIC_FOLDER
from core.errors import CoreError
from core.http.address import read_address
from core.http.answer import allow_origin, answer_preflight, refuse_request, send_answer
from core.http.credentials import list_write_keys
from core.http.ingest import Ingest
from core.sources.address import get_host
from core.sources.keys import Sender

BUNDLES = STATIC_FOLDER / "analytics-next"
SETTINGS_MAX_AGE_S = 60
LIBRARY_MAX_AGE_S = 600
FOR_EVER_S = 31_536_000  # a bundle's name holds the hash of its text

_WRITE_KEY = re.compile(r"[A-Za-z0-9]{1,64}")


class Library:
    """Answers what libraries fetch before they send, in front of the boundary; `app` answers the rest."""

    def __init__(self, app: ASGIApp, get_ingest: Callable[[], Ingest]) -> None:
        self._app = app
        self._get_ingest = get_ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        matches = ((pattern.fullmatch(path), serve) for pattern, serve in self._routes)
        found = next(((match, serve) for match, serve in matches if match), None)
        if found is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin", "").encode("latin-1") or None
        if request.method == "OPTIONS":
            await send_answer(send, answer_preflight(scope), origin)
            return
        if request.method not in ("GET", "HEAD"):
            refusal = refuse_request(405, "bad_request", f"{request.method} is not taken here.", allow="GET")
            await send_answer(send, refusal, origin)
            return
        match, serve = found
        try:
            response = await serve(self, request, *match.groups())
        except CoreError as error:  # the write keys were never read, and cannot be now
            response = PlainTextResponse(error.message, 503, headers={"retry-after": "10"})
        response.raw_headers.extend(allow_origin(origin))
        await response(scope, receive, send)

    async def _serve_library(self, request: Request, write_key: str) -> Response:
        if await self._find(write_key) is None:
            return _unknown_key()
        if not (BUNDLES / "standalone.js").is_file():
            return PlainTextResponse("analytics.js is not built here: run make assets.", 503)
        return _answer_script(request, _read_library, write_key, LIBRARY_MAX_AGE_S)

    async def _serve_bundle(self, request: Request, name: str) -> Response:
        if not (BUNDLES / name).is_file():
            return PlainTextResponse("There is no such bundle.", 404)
        return _answer_script(request, _read_bundle, name, FOR_EVER_S)

    async def _serve_settings(self, request: Request, write_key: str) -> Response:
        if await self._find(write_key) is None:
            return _unknown_key()
        return _answer_json(make_settings(write_key, read_address(request)))

    async def _serve_source_config(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "").encode("latin-1")
        for write_key in list_write_keys(authorization, request.scope["query_string"], None):
            sender = await self._find(write_key)
            if sender is not None:
                return _answer_json(_make_source_config(write_key, sender))
        return _unknown_key()

    async def _find(self, write_key: str) -> Sender | None:
        if not _WRITE_KEY.fullmatch(write_key):
            return None
        return await self._get_ingest().find_sender(write_key)

    _routes: tuple[tuple[re.Pattern[str], Callable[..., Awaitable[Response]]], ...] = (
        (re.compile(r"/analytics\.js/v1/([^/]+)/analytics(?:\.min)?\.js"), _serve_library),
        (re.compile(r"/analytics-next/bundles/([\w-]+\.bundle\.[0-9a-f]+\.js)"), _serve_bundle),
        (re.compile(r"/v1/projects/([^/]+)/settings/?"), _serve_settings),
        (re.compile(r"/sourceConfig/?"), _serve_source_config),
    )


def make_settings(write_key: str, address: str) -> dict[str, object]:
    """Return the settings that analytics.js and the mobile libraries start with.

    Only `Segment.io` is listed: for every other name the browser library fetches a bundle and fails without it. Metrics
    are switched off: the library would send them to Segment.
    """
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": get_host(address),
                "protocol": urlsplit(address).scheme,
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
                "bundledConfigIds": [],
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "analyticsNextEnabled": True,
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
        "metrics": {"sampleRate": 0},
    }


def _make_source_config(write_key: str, sender: Sender) -> dict[str, object]:
    off = {"enabled": False}
    return {
        "source": {
            "id": sender.source_id,
            "name": sender.kind,
            "writeKey": write_key,
            "enabled": True,
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "destinations": [],
            "dataplanes": {},
        }
    }


def _unknown_key() -> Response:
    return PlainTextResponse("No source has this write key.", 404)


def _answer_json(content: dict[str, object]) -> Response:
    headers = {"cache-control": f"public, max-age={SETTINGS_MAX_AGE_S}"}
    return Response(orjson.dumps(content), headers=headers, media_type="application/json")


def _answer_script(request: Request, read: Callable[[str, bool], bytes], name: str, max_age_s: int) -> Response:
    headers = {
        "cache-control": f"public, max-age={max_age_s}",
        "x-content-type-options": "nosniff",
        "vary": "Accept-Encoding",
    }
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    if is_packed:
        headers["content-encoding"] = "gzip"
    return Response(read(name, is_packed), headers=headers, media_type="application/javascript; charset=utf-8")


@lru_cache(maxsize=64)
def _read_library(write_key: str, is_packed: bool) -> bytes:
    return _pack((BUNDLES / "standalone.js").read_bytes().replace(b"__WRITE_KEY__", write_key.encode()), is_packed)


@lru_cache(maxsize=32)
def _read_bundle(name: str, is_packed: bool) -> bytes:
    return _pack((BUNDLES / name).read_bytes(), is_packed)


def _pack(text: bytes, is_packed: bool) -> bytes:
    return gzip.compress(text) if is_packed else text
