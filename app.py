"""The one ASGI entry: pages and HTTP on one port, the worker in its lifespan; for `streamlit run` and for uvicorn."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import streamlit as st

from core.http.process import Process
from core.http.routes import make_middleware, make_routes


@cache
def get_process() -> Process:
    """Return what this process holds: the workspace and its worker."""
    return Process()


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, object]]:
    """Start the worker with the server and stop it with the server."""
    process = get_process()
    gc.collect()
    gc.freeze()  # Streamlit collects garbage after every run of a page, and would look through all that is imported
    process.start()
    try:
        yield {}
    finally:
        process.stop()


app = st.App(
    "shell/main.py",
    lifespan=lifespan,
    routes=list(make_routes(get_process)),
    middleware=make_middleware(get_process),
)
