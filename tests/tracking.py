"""A tracking surface to send to, straight into the application, for the tests of what it takes and answers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.events.refused import RefusedEvent, search_refused
from core.http.process import Process
from core.http.serve import make_app
from core.sources.store import Source, ensure_flex_source
from tests.new_home import new_home


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Receiver:
    """One process with one source, and requests to it."""

    process: Process
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        self.source = ensure_flex_source(self.process.workspace)
        self.app = make_app(self.process)

    @property
    def key(self) -> str:
        return str(self.source.write_key)

    @property
    def log(self) -> EventLog:
        return open_event_log(self.process.workspace)

    def post(self, path: str, body: object, *, key: str | None = "", **headers: str) -> Answer:
        """Send `body`, as JSON unless it is bytes, signed by Basic with the source's key unless told otherwise."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        if key is not None:
            headers.setdefault("authorization", basic(key or self.key))
        return send(self.app, "POST", path, [raw], headers)

    def batch(self, *messages: object, **options: Any) -> Answer:
        return self.post("/v1/batch", {"batch": list(messages)}, **options)

    def accepted(self) -> list[StoredEvent]:
        return self.log.read(0, 100_000)

    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(event.body) for event in self.accepted()]

    def refused(self) -> list[RefusedEvent]:
        return search_refused(self.log, limit=100_000)[::-1]


@contextmanager
def open_receiver(folder: Path) -> Iterator[Receiver]:
    """Open a process on a home in `folder` until the block ends."""
    process = Process(new_home(folder / "home"))
    try:
        yield Receiver(process)
    finally:
        process.stop()
        process.workspace.close()


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def send(
    app: ASGIApp,
    method: str,
    path: str,
    chunks: Iterable[bytes] = (b"",),
    headers: Mapping[str, str] | None = None,
    *,
    client: str = "127.0.0.1",
) -> Answer:
    """Send one request into `app`, its body in `chunks`, and return the answer."""
    return asyncio.run(send_async(app, method, path, chunks, headers, client=client))


async def send_async(
    app: ASGIApp,
    method: str,
    path: str,
    chunks: Iterable[bytes] = (b"",),
    headers: Mapping[str, str] | None = None,
    *,
    client: str = "127.0.0.1",
) -> Answer:
    """Do as `send` does, inside an event loop."""
    bodies = list(chunks)
    path, _, query = path.partition("?")
    named = {"host": "localhost", **(headers or {})}
    sent: list[Message] = []

    async def receive() -> Message:
        if not bodies:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": bodies.pop(0), "more_body": bool(bodies)}

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()],
        "client": (client, 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, keep)
    start, *rest = sent
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message["body"] for message in rest))
