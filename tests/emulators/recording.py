"""A small HTTP server on loopback for what emulators cannot show: it keeps every request and answers as a test says.

```python
def answer(request: Request) -> Reply:
    return Reply.of({"ok": True})

with run_recorder(answer) as recorder:
    ...  # a real client talks to recorder.url
assert recorder.find("/jobs")[0].json()["dryRun"]
```

`answer` runs in a thread of its own for each request, so it may wait for an event of the test to hold a client up.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire; header names are in lower case, the body is unpacked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back. `cut_after` closes the connection after that many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None

    @classmethod
    def of(cls, value: object, status: int = 200) -> Self:
        """Return `value` as a reply in JSON."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


Answer = Callable[[Request], Reply]


class Recorder:
    """The running server's address and what it was asked so far."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._requests: list[Request] = []
        self._changed = threading.Condition()

    def keep(self, request: Request) -> None:
        """Add a request; the server calls this."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def find(self, path: str, method: str | None = None) -> list[Request]:
        """Return the requests so far whose path starts with `path`, oldest first."""
        with self._changed:
            return self._find(path, method)

    def wait_for(self, path: str, method: str | None = None, *, count: int = 1, timeout_s: float = 20) -> list[Request]:
        """Return the requests whose path starts with `path` once there are `count` of them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._find(path, method)) >= count, timeout_s):
                seen = [f"{request.method} {request.path}" for request in self._requests]
                raise AssertionError(f"{path} was asked for {len(self._find(path, method))} times; seen: {seen}")
            return self._find(path, method)

    def _find(self, path: str, method: str | None) -> list[Request]:
        return [each for each in self._requests if each.path.startswith(path) and method in (None, each.method)]


@contextmanager
def run_recorder(answer: Answer) -> Iterator[Recorder]:
    """Serve on a free loopback port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            request = self._read()
            recorder.keep(request)
            self._write(answer(request))

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815 - the base class's names

        def _read(self) -> Request:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            return Request(str(self.command), parts.path, dict(parse_qsl(parts.query)), headers, body)

        def _write(self, reply: Reply) -> None:
            try:
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut_after])
            except OSError:
                self.close_connection = True  # the client went away, which is what some tests are about
            if reply.cut_after is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder = Recorder(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
