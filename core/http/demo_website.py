"""The demo website: each website source has one at `/demo/website/<write key>`, behind the boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.http.address import read_address
from core.http.process import Process
from core.samples.demo_website import render_page
from core.sources.javascript import DEFINITION
from core.sources.snippet import make_snippet
from core.sources.store import get_source

ROOT = "/demo/website"


def make_demo_routes(get_process: Callable[[], Process]) -> Sequence[Route]:
    """Return the routes of the demo website."""

    async def answer(request: Request) -> Response:
        process, write_key = get_process(), request.path_params["write_key"]
        sender = await process.ingest.find_sender(write_key)
        if sender is None:
            return PlainTextResponse("No source has this write key.", 404)
        source = await run_in_threadpool(get_source, process.workspace, sender.source_id)
        if source.kind != DEFINITION.kind:
            return PlainTextResponse(f"The source {source.name!r} is not that of a website.", 404)
        address = read_address(request)
        page = render_page(
            request.path_params.get("path", "").strip("/"),
            base=f"{ROOT}/{write_key}",
            source_name=source.name,
            snippet=make_snippet(write_key, address),
        )
        if page is None:
            return PlainTextResponse("The demo website has no such page.", 404)
        return HTMLResponse(page, headers={"content-security-policy": _allow_only(address)})

    return (
        Route(f"{ROOT}/{{write_key}}", answer),
        Route(f"{ROOT}/{{write_key}}/{{path:path}}", answer),
    )


def _allow_only(address: str) -> str:
    """Return the rule that keeps the page from asking any address but this server's."""
    parts = urlsplit(address)
    here = f"'self' {parts.scheme}://{parts.netloc}"
    return (
        f"default-src 'none'; script-src 'unsafe-inline' {here}; connect-src {here}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
