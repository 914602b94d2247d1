"""A website of two pages, on an origin of its own, with a snippet in the head of each."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
