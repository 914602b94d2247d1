"""The tracking surface: every call that client libraries make, in one place. Durable before it says 200.

Contract: docs/tracking-api.md. A request that cannot be read is answered with 400 and kept; an event that cannot be
taken is kept with its code, and the request is answered with 200 all the same, so that no library sends it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import EventError, InvalidEvent, PayloadTooLarge
from core.events.intake import refuse_all, refuse_body, take
from core.events.limits import DEFAULT_LIMITS
from core.events.message import MessageType
from core.events.refused import MAX_OF_UNKNOWN_SOURCES
from core.events.validate import SOURCE_DISABLED, Fault
from core.http.answer import SUCCESS, Answer, answer_preflight, refuse_request
from core.http.body import decompress, parse_body, peek, read_body
from core.http.credentials import list_write_keys
from core.http.guard import STORE_RETRY_S, answer_sender
from core.http.ingest import Ingest
from core.sources.keys import Sender, Senders

BATCH, SWALLOWED = "batch", "swallowed"
CALLS: Mapping[str, str] = {
    **dict.fromkeys(("/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch"), BATCH),
    **{f"/v1/{type_}": type_ for type_ in MessageType},
    **{f"/v1/{type_[0]}": type_ for type_ in MessageType},
    "/v1/m": SWALLOWED,  # the libraries' own measurements of themselves
}
"""What is behind each path: many events, one event of this type, or nothing that is kept."""

MAX_REFUSED_EVENTS = 10_000
"""Beyond this a batch is refused whole: millions of `1,` fit into a body, and each would be kept with its reason."""
_UNKNOWN = Fault(code="unknown_source", reason="No source has this write key. Copy it from the source's settings.")
_EMPTY = Fault(code="empty_batch", reason="The batch holds no events.")


class Tracking:
    """Answers every path of `CALLS`, before anything else looks at the request; `app` answers the others.

    It is a middleware, because these calls are for every sender, while what comes after it is for this machine.
    """

    def __init__(self, app: ASGIApp, get_ingest: Callable[[], Ingest]) -> None:
        self._app = app
        self._get_ingest = get_ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = CALLS.get(scope["path"].rstrip("/")) if scope["type"] == "http" else None
        if call is None:
            await self._app(scope, receive, send)
            return
        head = _Head.read(scope)
        await answer_sender(
            send, head.origin, self._get_ingest, lambda ingest: _answer(ingest, call, scope, head, receive)
        )


async def _answer(ingest: Ingest, call: str, scope: Scope, head: _Head, receive: Receive) -> Answer:
    method = scope["method"]
    if method == "OPTIONS":
        return answer_preflight(scope)
    if method != "POST":
        return refuse_request(405, "bad_request", f"{method} is not taken here.", hint="Use POST.", allow="POST")
    max_bytes = ingest.limits.batch_bytes if call == BATCH else ingest.limits.call_bytes
    raw = await read_body(receive, max_bytes)
    if call == SWALLOWED:
        return SUCCESS
    try:
        body = parse_body(decompress(raw, head.encoding, max_bytes))
        batch = _Batch.read(call, body)
    except EventError as error:
        sender, senders = await _find_sender(ingest, head, None)
        return await _refuse_unread(ingest, sender, _show(raw, senders), error)
    return await _take_batch(ingest, head, raw, body, batch)


class _Head(NamedTuple):
    """What counts of a request's head."""

    query: bytes
    origin: bytes | None
    authorization: bytes
    encoding: bytes
    client: str

    @classmethod
    def read(cls, scope: Scope) -> _Head:
        origin, authorization, encoding = None, b"", b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"origin":
                origin = value
            elif name == b"content-encoding":
                encoding = value
        client = scope.get("client")
        return cls(scope["query_string"], origin, authorization, encoding, client[0] if client else "")


class _Batch(NamedTuple):
    """The messages of one request, and what it says of all of them."""

    messages: Sequence[object]
    sent_at: object = None
    context: object = None
    integrations: object = None

    @classmethod
    def read(cls, call: str, body: object) -> _Batch:
        """Raise InvalidEvent for a `body` without the shape of the call, PayloadTooLarge for one of too much."""
        if not isinstance(body, dict):
            raise InvalidEvent("The body is not a JSON object.", hint="Send an object.", code="bad_request")
        if call != BATCH:
            return cls([body if body.get("type") is not None else {**body, "type": call}])
        messages = body.get("batch")
        if not isinstance(messages, list):
            raise InvalidEvent("batch is missing or no array.", hint="Send {'batch': [...]}.", code="bad_request")
        if len(messages) > MAX_REFUSED_EVENTS:
            raise PayloadTooLarge(
                f"The batch holds {len(messages):,} events.", hint="Send smaller batches.", code="too_many_events"
            )
        return cls(messages, body.get("sentAt"), body.get("context"), body.get("integrations"))


async def _take_batch(ingest: Ingest, head: _Head, raw: bytes, body: object, batch: _Batch) -> Answer:
    sender, senders = await _find_sender(ingest, head, body)
    if sender is None and not senders.is_current:
        return refuse_request(503, "store_unreadable", "Write keys cannot be read now.", retry_after_s=STORE_RETRY_S)
    if sender is None:
        await _keep_refused(ingest, "", batch, _UNKNOWN, len(raw))
        return refuse_request(401, _UNKNOWN.code, _UNKNOWN.reason)
    if not sender.is_enabled:
        await _keep_refused(ingest, sender.source_id, batch, SOURCE_DISABLED, len(raw))
        return SUCCESS
    now = ingest.clock.now()
    if not batch.messages:
        refusal = refuse_body(sender.source_id, _show(raw, senders), _EMPTY, now)
        await ingest.committer.submit((), [refusal], len(raw))
        return SUCCESS
    taken = take(
        sender.source_id,
        batch.messages,
        received_at=now,
        sent_at=batch.sent_at,
        context=batch.context,
        integrations=batch.integrations,
        suppressed=senders.suppressed,
        ip=_read_ipv4(head.client),
        limits=ingest.limits,
    )
    if ingest.limits.is_strict and any(refusal.code == PayloadTooLarge.code for refusal in taken.refusals):
        error = PayloadTooLarge("An event of the request is larger than 32 KB.", hint="Send smaller events.")
        return await _refuse_unread(ingest, sender, _show(raw, senders), error)
    if taken.suppressed:
        ingest.metrics.count_suppressed(taken.suppressed)
    if taken.entries or taken.refusals:
        await ingest.committer.submit(taken.entries, taken.refusals, len(raw))
    return SUCCESS


async def _find_sender(ingest: Ingest, head: _Head, body: object) -> tuple[Sender | None, Senders]:
    senders = ingest.fresh_senders or await ingest.read_senders()
    sender = _find_first(ingest, senders, head, body)
    if sender is None:  # made a moment ago, perhaps
        senders = await ingest.read_newest_senders()
        sender = _find_first(ingest, senders, head, body)
    return sender, senders


def _find_first(ingest: Ingest, senders: Senders, head: _Head, body: object) -> Sender | None:
    for key in list_write_keys(head.authorization, head.query, body):
        sender = senders.find(key, ingest.clock)
        if sender is not None:
            return sender
    return None


def _read_ipv4(client: str) -> str | None:
    address = client.removeprefix("::ffff:")
    return address if "." in address else None


async def _keep_refused(ingest: Ingest, source_id: str, batch: _Batch, fault: Fault, size_bytes: int) -> None:
    messages = batch.messages if source_id else batch.messages[-MAX_OF_UNKNOWN_SOURCES:]
    refusals = refuse_all(
        source_id,
        messages,
        fault,
        received_at=ingest.clock.now(),
        sent_at=batch.sent_at,
        context=batch.context,
        integrations=batch.integrations,
    )
    if refusals:
        await ingest.committer.submit((), refusals, size_bytes)


async def _refuse_unread(ingest: Ingest, sender: Sender | None, shown: bytes, error: EventError) -> Answer:
    """Keep the body of a request that cannot be taken, and say why."""
    fault = Fault(error.code, str(error))
    refusal = refuse_body(sender.source_id if sender else "", shown, fault, ingest.clock.now())
    await ingest.committer.submit((), [refusal], len(shown))
    return refuse_request(400, error.code, error.message, hint=error.hint)


def _show(raw: bytes, senders: Senders) -> bytes:
    """Return the beginning of a body as a person may see it: unpacked, and without a write key."""
    shown = peek(raw, DEFAULT_LIMITS.event_bytes)
    for key in senders.by_key:
        shown = shown.replace(key.encode(), b"[write key]")
    return shown
