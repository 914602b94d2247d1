"""The server of both APIs with a handler that reads the body and does nothing: what the benchmarks compare with.

Arguments: the port, which several of these may share.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.http.serve import run_app, share

PATHS = ("/v1/track", "/v1/batch", "/v1/spaces/{path:path}", "/healthz")


async def answer(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"success": True})


def main() -> None:
    routes = [Route(path, answer, methods=["GET", "POST"]) for path in PATHS]
    run_app(Starlette(routes=routes), share("127.0.0.1", int(sys.argv[1])))


if __name__ == "__main__":
    main()
