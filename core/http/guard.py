"""What every way in for events shares: whatever happens to a request, its sender is answered and the answer counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Send

from core.clock import SystemClock
from core.errors import CoreError, Overloaded
from core.http.answer import Answer, refuse_request, send_answer
from core.http.body import SenderGone, SenderTooSlow
from core.http.ingest import Ingest
from core.incidents import report_incident

STORE_RETRY_S = 30.0
"""When a sender is asked to come again after a failure on our side."""


async def answer_sender(
    send: Send,
    origin: bytes | None,
    get_ingest: Callable[[], Ingest],
    make_answer: Callable[[Ingest], Awaitable[Answer]],
) -> None:
    """Send the answer to one request and count it by its status; a failure becomes an answer, never an exception.

    A sender that is too slow is told so by 408, one that comes while too much waits by 429, and after a failure on our
    side it is asked by 503 or 500 to come again. One that closed the connection is not answered, and not counted.

    Args:
        send: Where the answer goes.
        origin: The web page that may read it; None where no browser asks.
        get_ingest: Opens what the answer stands on, at the first request.
        make_answer: Takes the request in.
    """
    ingest = None
    try:
        ingest = get_ingest()
        answer = await make_answer(ingest)
    except SenderGone:
        return
    except SenderTooSlow:
        answer = refuse_request(408, "bad_request", "The body did not arrive in time.", connection="close")
    except Exception as error:  # noqa: BLE001 - whatever it is, the sender is told to come again
        answer = _report_failure(error)
    if ingest is not None:
        ingest.metrics.count_request(answer.status)
    await send_answer(send, answer, origin)


def _report_failure(error: Exception) -> Answer:
    """Return the answer to a failure on our side: come again, and in a log what it was."""
    if isinstance(error, Overloaded):
        return refuse_request(429, error.code, error.message, hint=error.hint, retry_after_s=error.retry_after_s)
    if isinstance(error, CoreError):
        return refuse_request(503, error.code, error.message, hint=error.hint, retry_after_s=STORE_RETRY_S)
    incident = report_incident(error, SystemClock().now())
    return refuse_request(500, incident.code, incident.message, hint=incident.hint, retry_after_s=STORE_RETRY_S)
