"""`python -m core serve`: the HTTP API without the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.http.boundary import Boundary
from core.http.process import Process
from core.http.routes import make_routes


def make_app(process: Process) -> Starlette:
    """Return the ASGI application; the process's worker lives in its lifespan."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        process.start()
        try:
            yield
        finally:
            process.stop()

    routes = list(make_routes(lambda: process.workspace, lambda: process.is_worker_alive))
    return Starlette(routes=routes, middleware=[Middleware(Boundary)], lifespan=lifespan)


def serve(host: str, port: int, home: str | None = None) -> None:
    """Serve until interrupted."""
    uvicorn.run(make_app(Process(home)), host=host, port=port, log_level="warning", access_log=False)
