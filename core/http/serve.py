"""`python -m core serve`: the HTTP API without the pages."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from core.errors import InvalidField
from core.http.process import Process
from core.http.routes import make_middleware, make_routes


def make_app(process: Process) -> Starlette:
    """Return the ASGI application; the process's worker lives in its lifespan."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        process.start()
        try:
            yield
        finally:
            process.stop()

    routes, middleware = make_routes(lambda: process), make_middleware(lambda: process)
    return Starlette(routes=routes, middleware=middleware, lifespan=lifespan)


def serve(host: str, port: int, home: str | None = None) -> None:
    """Serve until interrupted.

    Raises:
        InvalidField: The address cannot be listened on.
    """
    listener = listen(host, port)
    config = uvicorn.Config(make_app(Process(home)), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`; others of this user may listen on the same.

    Raises:
        InvalidField: The address is not one of this machine, or is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only on a socket that says it is TCP: else each waits 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidField(
            f"Onramp cannot listen on {host}, port {port}: {error.strerror or error}.",
            hint="Use an address of this machine and a port that is free.",
        ) from error
    listener.set_inheritable(True)
    return listener
