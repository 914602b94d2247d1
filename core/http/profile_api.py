"""The Profile API: what other programs read of a profile and delete from it, with a token of its space.

Contract: docs/profile-api.md. It stands in front of the boundary, because its guard is the token. It is for servers and
not for web pages: no answer names an origin that may read it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from core.clock import SystemClock, to_iso
from core.errors import CoreError, InvalidField
from core.http.address import read_address
from core.http.answer import Answer
from core.http.body import SenderGone, SenderTooSlow, read_body
from core.http.credentials import read_user_name
from core.http.profile_delete import DELETION, MAX_BODY_BYTES, delete_external_id
from core.http.profile_gate import ProfileGate
from core.http.profile_question import ACCOUNTS, USERS, BadQuestion, Question, read_path, read_query, write_cursor
from core.ids import new_id
from core.incidents import report_incident
from core.profiles.api_events import read_events
from core.profiles.api_links import read_links
from core.profiles.api_page import Json, Page, PageRequest
from core.profiles.api_reads import ReadPage, find_person, read_external_ids, read_metadata, read_traits
from core.traits.api_accounts import is_known, read_account_links, read_account_traits
from core.workspaces.profile_access import Grant
from core.workspaces.view_links import DEFAULT_MINUTES, make_view_link
from core.workspaces.workspace import Workspace

PREFIX = "/v1/spaces/"
LINKS = "/flex-links"
VIEW_PATH = "/flex/"
MAX_LINK_BYTES = 8_192
STORE_RETRY_S = 5
REQUEST_ID = "request-id"
_OF_PERSON: Mapping[str, ReadPage] = {
    "traits": read_traits,
    "external_ids": read_external_ids,
    "events": read_events,
    "metadata": read_metadata,
    "links": read_links,
}
_OF_ACCOUNT = {"traits": read_account_traits, "links": read_account_links}
_LOG = logging.getLogger("onramp.profile_api")


class ProfileApi:
    """Answers every path below `/v1/spaces/`; `app` answers the rest."""

    def __init__(self, app: ASGIApp, get_gate: Callable[[], ProfileGate], count: Callable[[int], None]) -> None:
        self._app = app
        self._get_gate = get_gate
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a failure becomes an answer, never an exception."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        request_id = new_id("req", SystemClock().now())
        try:
            answer = await _answer(self._get_gate(), scope, receive)
        except SenderGone:
            return
        except SenderTooSlow:
            answer = refuse(BadQuestion(408, "invalid_request_error", "The body did not arrive in time."))
        except BadQuestion as error:
            answer = refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the program is told to come again
            answer = _report_failure(error, request_id)
        self._count(answer.status)
        await _send(send, answer, request_id)


async def _answer(gate: ProfileGate, scope: Scope, receive: Receive) -> Answer:
    path = scope["path"].rstrip("/")
    is_link, is_deletion = path.endswith(LINKS), path.endswith(DELETION)
    if scope["method"] not in (("POST",) if is_link or is_deletion else ("GET", "HEAD")):
        allowed = "POST" if is_link or is_deletion else "GET"
        message = f"{scope['method']} is not taken here; use {allowed}."
        raise BadQuestion(405, "invalid_request_error", message, allow=allowed)
    grant = await gate.find_grant(_read_token(scope))
    if grant is None:
        raise BadQuestion(
            401,
            "unauthorized" if is_deletion else "authentication_error",
            "The access token is missing, not known or revoked. Send it as the user name of HTTP Basic, with an empty "
            "password.",
        )
    wait_s = gate.limits.take(grant.space_id, grant.requests_per_s)
    if wait_s:
        return _refuse_for_rate(grant.requests_per_s, wait_s)
    if is_link:
        return await _make_link(gate.workspace, grant, scope, receive)
    if is_deletion:
        body, loop = await read_body(receive, MAX_BODY_BYTES), asyncio.get_running_loop()
        return await loop.run_in_executor(
            gate.readers, delete_external_id, gate.workspace, grant, scope["raw_path"], body
        )
    question = read_path(scope["raw_path"])
    if question.space_id != grant.space_id:
        raise BadQuestion(404, "not_found", "The token opens no space with this id.")
    page_request = read_query(scope["query_string"], question.part)
    page = await _read_quickly(gate, question, page_request)
    if page is None:
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(gate.readers, read_page, gate.workspace, question, page_request)
    return Answer(200, orjson.dumps(_write_body(page, question, page_request.limit, scope["query_string"])))


async def _make_link(workspace: Workspace, grant: Grant, scope: Scope, receive: Receive) -> Answer:
    """Return a link to the Flex view, for the browser of an agent; whether anybody is known is not told."""
    if scope["path"].rstrip("/") != f"{PREFIX}{grant.space_id}{LINKS}":
        raise BadQuestion(404, "not_found", "The token opens no space with this id.")
    raw = await read_body(receive, MAX_LINK_BYTES)
    try:
        asked = orjson.loads(raw) if len(raw) <= MAX_LINK_BYTES else None
    except orjson.JSONDecodeError:
        asked = None
    who, minutes = (asked.get("who"), asked.get("minutes", DEFAULT_MINUTES)) if isinstance(asked, dict) else (None, 0)
    if not isinstance(who, str) or not isinstance(minutes, int) or isinstance(minutes, bool):
        message = 'The body is a JSON object such as {"who": "phone:+14155550100", "minutes": 10}.'
        raise BadQuestion(400, "invalid_request_error", message)
    try:
        link, expires_at = make_view_link(workspace, grant.space_id, who, token_id=grant.token_id, minutes=minutes)
    except InvalidField as error:
        raise BadQuestion(400, "validation_error", str(error)) from error
    url = f"{read_address(Request(scope))}{VIEW_PATH}{link}"
    return Answer(201, orjson.dumps({"url": url, "json_url": f"{url}.json", "expires_at": to_iso(expires_at)}))


async def _read_quickly(gate: ProfileGate, question: Question, page_request: PageRequest) -> Page | None:
    """Return the page where it takes less to read it from the event loop than to hand it to a thread; else None.

    Where messages of the log are read, the event loop must not wait. Of nobody, and of a store that cannot be read, the
    other way says what there is to say.
    """
    about = question.type, question.values, question.part
    if question.collection != USERS or not gate.quick.can_read(about[0], about[2], page_request):
        return None
    return await gate.quick.read(question.space_id, *about, page_request)


def read_page(workspace: Workspace, question: Question, page_request: PageRequest) -> Page:
    """Return what is asked for.

    Raises:
        BadQuestion: Nobody has the identifier.
    """
    space_id = question.space_id
    with workspace.database.reading() as connection:
        if question.collection == ACCOUNTS:
            (group_id,) = question.values
            if not is_known(connection, space_id, group_id):
                raise BadQuestion(404, "not_found", "No message names this account, and no traits are kept of it.")
            return _OF_ACCOUNT[question.part](workspace, connection, space_id, group_id, page_request)
        person = find_person(connection, space_id, question.type, question.values)
        if person is None:
            raise BadQuestion(404, "not_found", f"No profile of the space has this {question.type}.")
        return _OF_PERSON[question.part](workspace, connection, space_id, person, page_request)


def refuse(error: BadQuestion) -> Answer:
    """Return the answer to a request that cannot be answered."""
    body = orjson.dumps({"error": {"code": error.code, "message": error.message}})
    headers = {"www-authenticate": 'Basic realm="Profile API"'} if error.status == 401 else {}
    return Answer(error.status, body, {**headers, **error.headers})


def _write_body(page: Page, question: Question, limit: int, query: bytes) -> Json:
    if question.part == "metadata":
        return page.body
    cursor: Json = {"url": "", "has_more": page.next is not None, "next": "", "limit": limit}
    if page.next is not None:
        cursor["next"] = write_cursor(page.next)
        kept = [pair for pair in query.decode("latin-1").split("&") if pair and not pair.startswith("next=")]
        cursor["url"] = f"{question.path}?{'&'.join([*kept, 'next=' + cursor['next']])}"
    return {**page.body, "cursor": cursor}


def _read_token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return read_user_name(value)
    return ""


def _refuse_for_rate(per_s: int, wait_s: float) -> Answer:
    message = f"The space answers {per_s:,} requests a second. Ask again after the time that Retry-After names."
    answer = refuse(BadQuestion(429, "rate_limit_error", message))
    return Answer(429, answer.body, {"retry-after": str(math.ceil(wait_s))})


def _report_failure(error: Exception, request_id: str) -> Answer:
    """Return the answer to a failure on our side, and log what it was under the request's id."""
    retry = {"retry-after": str(STORE_RETRY_S)}
    if isinstance(error, CoreError):
        _LOG.warning("%s: %s", request_id, error)
        return Answer(503, refuse(BadQuestion(503, error.code, str(error))).body, retry)
    incident = report_incident(error, SystemClock().now(), number=request_id)
    return Answer(500, refuse(BadQuestion(500, incident.code, str(incident))).body, retry)


async def _send(send: Send, answer: Answer, request_id: str) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        (REQUEST_ID.encode(), request_id.encode()),
    ]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
