"""A website of two pages, on an origin of its own, with a snippet in the head of each; and what arrives from it."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from core.events.event_log import open_event_log
from core.workspaces.workspace import Workspace

PATIENCE_S = 15


@contextmanager
def serve_website(folder: Path, snippet: str) -> Iterator[str]:
    """Serve `index.html` and `basket.html` on a free loopback port; yield the address."""
    for name in ("index", "basket"):
        head = f"<title>{name.title()}</title>{snippet}"
        body = '<a id="pay" href="/basket.html">Pay</a>'
        (folder / f"{name}.html").write_text(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def wait_for(workspace: Workspace, count: int, source_id: str | None = None) -> list[dict[str, Any]]:
    """Return the messages, of one source where it is named, once there are `count`, by the time their sender gave."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        events = open_event_log(workspace).search(source_id=source_id, limit=1000)
        if len(events) >= count or time.monotonic() > deadline:
            messages = [orjson.loads(event.body) for event in events]
            return sorted(messages, key=lambda message: message["timestamp"])
        time.sleep(0.1)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
