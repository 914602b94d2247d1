"""`python -m core serve`: the HTTP API without the pages, in one process."""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from core.errors import InvalidField
from core.http.process import Process
from core.http.protocol import WatchedProtocol, sweep
from core.http.routes import make_middleware, make_routes

BACKLOG = 2_048
MAX_FILES = 65_536
GC_THRESHOLD = 10_000  # a batch of events makes thousands of objects and leaves none
KEEP_ALIVE_S = 65  # longer than libraries pause between two batches, and than a proxy keeps an idle connection
GRACE_S = 10  # for the requests at hand when the server is told to end


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


def serve(process: Process, listener: socket.socket) -> None:
    """Serve what comes to `listener` until interrupted or terminated; what was taken is written before it ends."""
    run_app(make_app(process), listener)


def run_app(app: ASGIApp, listener: socket.socket) -> None:
    """Run any application as this server runs its own."""
    _allow_many_files()
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what was imported stays: looking through it again and again cost a quarter of the time of a batch
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        asyncio.run(_run(app, listener))
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _run(app: ASGIApp, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        http=WatchedProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    sweeping = asyncio.create_task(sweep(server.server_state.connections))
    try:
        await server.serve(sockets=[listener])
    finally:
        sweeping.cancel()


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # a connection is a file; often only 1,024 may be open
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on `host` and `port` that other processes of this server can share.

    Raises:
        InvalidField: The address is not one of this machine, or another program uses it.
    """
    with _bind(host, port, is_shared=False) as probe:  # a shared socket would not tell that the port is in use
        port = probe.getsockname()[1]
    return share(host, port)


def share(host: str, port: int) -> socket.socket:
    """Return a further socket on an address that `listen` found to be free.

    Raises:
        InvalidField: The address cannot be used.
    """
    return _bind(host, port, is_shared=True)


def _bind(host: str, port: int, *, is_shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only on a socket that says it is TCP: else each waits 40 ms
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = "another program uses it" if _is_taken(error) else "this machine has no such address or port"
        raise InvalidField(
            f"Onramp cannot listen on {host}, port {port}: {reason}.", hint="Choose another --host or --port."
        ) from error
    return bound


def _is_taken(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE
