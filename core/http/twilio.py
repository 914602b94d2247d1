"""The webhook sink of Twilio Event Streams: signed requests with CloudEvents, in front of the boundary."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import EventError
from core.events.cloud_events import read_cloud_events
from core.events.intake import refuse_all, refuse_body, take
from core.events.validate import SOURCE_DISABLED, Fault
from core.http.address import read_address
from core.http.answer import SUCCESS, Answer, refuse_request
from core.http.body import decompress, parse_body, read_body
from core.http.guard import answer_sender
from core.http.ingest import Ingest
from core.sources.keys import Sender
from core.sources.store import read_source_secrets
from core.sources.twilio_event_streams import DEFINITION
from core.sources.twilio_signature import SETTINGS_HEADER, SIGNATURE_HEADER, is_signed
from core.workspaces.workspace import Workspace

_PATH = re.compile(r"/v1/twilio/([A-Za-z0-9]{1,64})/?")
_UNSIGNED = Fault(code="bad_signature", reason="The signature is not that of this request and the saved auth token.")


class TwilioSink:
    """Answers `POST /v1/twilio/<write key>`; `app` answers the rest. What is taken is durable before the 200."""

    def __init__(self, app: ASGIApp, get_ingest: Callable[[], Ingest], get_workspace: Callable[[], Workspace]) -> None:
        self._app = app
        self._get_ingest = get_ingest
        self._get_workspace = get_workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        request, write_key = Request(scope), found[1]
        await answer_sender(
            send, None, self._get_ingest, lambda ingest: self._answer(ingest, request, write_key, receive)
        )

    async def _answer(self, ingest: Ingest, request: Request, write_key: str, receive: Receive) -> Answer:
        if request.method != "POST":
            return refuse_request(405, "bad_request", f"{request.method} is not taken here.", allow="POST")
        raw = await read_body(receive, ingest.limits.batch_bytes)
        sender = await ingest.find_sender(write_key)
        if sender is None or sender.kind != DEFINITION.kind:
            return refuse_request(404, "unknown_source", "No Twilio source has this write key.")
        if not await self._is_signed(request, sender, raw):
            await ingest.committer.submit((), [refuse_body("", raw, _UNSIGNED, ingest.clock.now())], len(raw))
            return refuse_request(403, _UNSIGNED.code, _UNSIGNED.reason)
        return await self._take(request, ingest, sender, raw)

    async def _is_signed(self, request: Request, sender: Sender, raw: bytes) -> bool:
        secrets = await run_in_threadpool(read_source_secrets, self._get_workspace(), sender.source_id)
        query = request.scope["query_string"].decode("latin-1")
        url = f"{read_address(request)}{request.url.path}{'?' if query else ''}{query}"
        signature = request.headers.get(SIGNATURE_HEADER, "")
        return is_signed(url, raw, signature, secrets["auth_token"], request.headers.get(SETTINGS_HEADER, ""))

    async def _take(self, request: Request, ingest: Ingest, sender: Sender, raw: bytes) -> Answer:
        encoding = request.headers.get("content-encoding", "").encode("latin-1")
        now = ingest.clock.now()
        try:
            messages = read_cloud_events(parse_body(decompress(raw, encoding, ingest.limits.batch_bytes)))
        except EventError as error:
            refusal = refuse_body(sender.source_id, raw, Fault(error.code, str(error)), now)
            await ingest.committer.submit((), [refusal], len(raw))
            return refuse_request(400, error.code, error.message, hint=error.hint)
        if not sender.is_enabled:
            refusals = refuse_all(sender.source_id, messages, SOURCE_DISABLED, received_at=now)
            await ingest.committer.submit((), refusals, len(raw))
            return SUCCESS
        taken = take(sender.source_id, messages, received_at=now, limits=ingest.limits)
        if taken.entries or taken.refusals:
            await ingest.committer.submit(taken.entries, taken.refusals, len(raw))
        return SUCCESS
