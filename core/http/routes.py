"""The HTTP routes of Onramp: health, and a plain answer for what does not exist yet. Nothing but routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.events.event_log import open_event_log
from core.workspaces.workspace import Workspace, get_workspace_info


def make_routes(open_workspace: Callable[[], Workspace], is_worker_alive: Callable[[], bool | None]) -> Sequence[Route]:
    """Return the routes.

    Args:
        open_workspace: Returns the workspace, opened once per process.
        is_worker_alive: Whether the worker of this process runs; None where it is switched off.
    """

    def health(_request: Request) -> JSONResponse:
        parts: dict[str, object] = {}
        try:
            workspace = open_workspace()
            get_workspace_info(workspace)
            parts["store"] = "ok"
            parts["log_offset"] = open_event_log(workspace).last_offset()
        except Exception as error:  # noqa: BLE001 - a health check says what is broken, whatever it is
            return JSONResponse({"status": "failing", "reason": type(error).__name__}, status_code=503)
        alive = is_worker_alive()
        parts["worker"] = "off" if alive is None else "ok" if alive else "stopped"
        is_well = alive is not False
        return JSONResponse({"status": "ok" if is_well else "failing", **parts}, status_code=200 if is_well else 503)

    def unknown(request: Request) -> JSONResponse:
        return JSONResponse(
            {"code": "not_found", "message": f"There is nothing at {request.url.path}."}, status_code=404
        )

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return (Route("/healthz", health), Route("/v1/{path:path}", unknown, methods=methods))
