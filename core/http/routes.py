"""The HTTP routes of Onramp and what stands before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.events.event_log import open_event_log
from core.http.boundary import Boundary
from core.http.demo_website import make_demo_routes
from core.http.flex_view import FlexPages
from core.http.library import Library
from core.http.metrics import METRICS_TYPE
from core.http.openapi import make_document
from core.http.process import Process
from core.http.profile_api import ProfileApi
from core.http.tracking import Tracking
from core.http.twilio import TwilioSink
from core.workspaces.workspace import get_workspace_info


def make_routes(get_process: Callable[[], Process]) -> Sequence[Route]:
    """Return the routes of the process that `get_process` returns, opened once."""

    def health(_request: Request) -> JSONResponse:
        parts: dict[str, object] = {}
        try:
            workspace = get_process().workspace
            get_workspace_info(workspace)
            parts["store"] = "ok"
            parts["log_offset"] = open_event_log(workspace).last_offset()
        except Exception as error:  # noqa: BLE001 - a health check says what is broken, whatever it is
            return JSONResponse({"status": "failing", "reason": type(error).__name__}, status_code=503)
        alive = get_process().is_worker_alive
        parts["worker"] = "off" if alive is None else "ok" if alive else "stopped"
        is_well = alive is not False
        return JSONResponse({"status": "ok" if is_well else "failing", **parts}, status_code=200 if is_well else 503)

    def metrics(_request: Request) -> Response:
        process = get_process()
        text = process.metrics.describe(open_event_log(process.workspace))
        return Response(text, media_type=METRICS_TYPE)

    def unknown(request: Request) -> JSONResponse:
        return JSONResponse(
            {"code": "not_found", "message": f"There is nothing at {request.url.path}."}, status_code=404
        )

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return (
        Route("/healthz", health),
        Route("/metrics", metrics),
        Route("/openapi.json", lambda _request: JSONResponse(make_document(get_process().ingest.limits))),
        Route("/v1/{path:path}", unknown, methods=methods),
        *make_demo_routes(get_process),
    )


def make_middleware(get_process: Callable[[], Process]) -> list[Middleware]:
    """Return what stands before the routes and the pages: what has its own guard, then the boundary for all else."""
    return [
        Middleware(Tracking, get_ingest=lambda: get_process().ingest),
        Middleware(
            ProfileApi,
            get_gate=lambda: get_process().profile_gate,
            count=lambda status: get_process().metrics.count_profile_request(status),
        ),
        Middleware(FlexPages, get_gate=lambda: get_process().profile_gate),
        Middleware(Library, get_ingest=lambda: get_process().ingest),
        Middleware(TwilioSink, get_ingest=lambda: get_process().ingest, get_workspace=lambda: get_process().workspace),
        Middleware(Boundary),
    ]
