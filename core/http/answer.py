"""What the tracking surface answers: JSON that client libraries understand, readable from any web page.

A success is exactly 200, and an error has `code` and `message`: else some libraries send the events once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

Pair = tuple[bytes, bytes]
ALLOWED_HEADERS = (
    "authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, rsa-retry-attempt, "
    "rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt"
)
PREFLIGHT_MAX_AGE_S = 7200  # what Chromium keeps at most
_JSON = (b"content-type", b"application/json")
_EXPOSED = (b"access-control-expose-headers", b"Retry-After")
_VARY = (b"vary", b"Origin")
_FOR_ALL: list[Pair] = [(b"access-control-allow-origin", b"*"), _EXPOSED, _VARY]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a status, a JSON body (none for a preflight) and headers beside the usual ones."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


SUCCESS = Answer(200, orjson.dumps({"success": True}))


def refuse_request(
    status: int, code: str, message: str, *, hint: str = "", retry_after_s: float | None = None, **headers: str
) -> Answer:
    """Return the answer of a request that is not taken."""
    if retry_after_s is not None:
        seconds = str(max(1, round(retry_after_s)))
        headers |= {"retry-after": seconds, "x-ratelimit-reset": seconds}
    body = orjson.dumps({"success": False, "code": code, "message": f"{message} {hint}".strip()})
    return Answer(status, body, headers)


def answer_preflight(scope: Scope) -> Answer:
    """Return the answer that lets a browser send what it asks for."""
    asked = Headers(scope=scope).get("access-control-request-headers")
    return Answer(
        204,
        headers={
            "access-control-allow-methods": "GET, POST, OPTIONS",
            "access-control-allow-headers": asked or ALLOWED_HEADERS,
            "access-control-max-age": str(PREFLIGHT_MAX_AGE_S),
        },
    )


async def send_answer(send: Send, answer: Answer, origin: bytes | None) -> None:
    """Send `answer`; a page of any `origin` may read it, with its cookies."""
    if answer is SUCCESS and origin is None:
        await send(_SUCCESS_START)
    else:
        await send(_start(answer, origin))
    await send({"type": "http.response.body", "body": answer.body})


def _start(answer: Answer, origin: bytes | None) -> Message:
    headers = [(b"content-length", b"%d" % len(answer.body)), *allow_origin(origin)]
    if answer.body:
        headers.append(_JSON)
    for name, value in answer.headers.items():
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def allow_origin(origin: bytes | None) -> list[Pair]:
    """Return the headers by which a page of `origin` may read an answer."""
    if origin is None:
        return _FOR_ALL
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        _EXPOSED,
        _VARY,
    ]


_SUCCESS_START = _start(SUCCESS, None)
