"""The Profile API's one way to change a profile: an identifier is deleted from it.

Contract: docs/profile-api.md. The codes are those of Segment's Delete Profile Identifier API. Decisions where the
specification is silent:
- Deleting is a right of its own: a token has it if it was made with it. One without is answered with 403.
- Which identifiers a program may name is what the profile has, `group_id` excepted: what it has not is not found.
"""

from __future__ import annotations

import re
from functools import partial

import orjson

from core.errors import NotFound
from core.http.answer import Answer
from core.http.profile_question import USERS, BadQuestion, read_identifier, unescape
from core.profiles.deleted_identifiers import USER_ID, delete_identifier
from core.workspaces.profile_access import Grant
from core.workspaces.spaces import list_connected_sources
from core.workspaces.workspace import Workspace

DELETION = "/external_ids/delete"
MAX_BODY_BYTES = 8_192
DONE = {"code": "success", "message": "external identifier has been deleted"}

_PATH = re.compile(rf"/v1/spaces/([^/]+)/collections/([^/]+)/profiles/(.+){DELETION}/?")
_EXAMPLE = '{"delete_external_ids": [{"type": "email", "id": "ada@example.org"}]}'


def delete_external_id(workspace: Workspace, grant: Grant, raw_path: bytes, body: bytes) -> Answer:
    """Delete what `body` names from the profile that the path names.

    Raises:
        BadQuestion: It cannot be done; status and code are those of the contract.
    """
    user_ids = _read_path(grant, raw_path)
    type_, values = _read_body(body)
    if type_ == USER_ID and set(values) & set(user_ids):
        raise _refuse("external id specification must differ from lookup id")
    if not list_connected_sources(workspace, grant.space_id):
        raise BadQuestion(404, "source_id_not_found", f"no source attached to space_id {grant.space_id}")
    try:
        delete_identifier(workspace, grant.space_id, user_ids, type_, values, asked_by=grant.token_id)
    except NotFound as error:
        raise BadQuestion(404, error.code, error.message) from error
    return Answer(200, orjson.dumps(DONE))


def _read_path(grant: Grant, raw_path: bytes) -> tuple[str, ...]:
    found = _PATH.fullmatch(raw_path.decode("latin-1"))
    if found is None or unescape(found[1]) != grant.space_id:
        raise BadQuestion(404, "not_found", "The token opens no space with this id.")
    if not grant.may_delete:
        message = f"The token may not delete identifiers of space_id {grant.space_id}. Make one that may."
        raise BadQuestion(403, "forbidden", message)
    if found[2] != USERS:
        raise _refuse(f"invalid collection: {found[2]}")
    type_, values = _read_identifier(unescape(found[3]))
    if type_ != USER_ID:
        raise _refuse(f"invalid URL: valid user_id is required. unsupported {type_}")
    return values


def _read_body(body: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        asked = orjson.loads(body) if len(body) <= MAX_BODY_BYTES else None
    except orjson.JSONDecodeError:
        asked = None
    named = asked.get("delete_external_ids") if isinstance(asked, dict) else None
    if not isinstance(named, list):
        raise _refuse(f"The body is a JSON object such as {_EXAMPLE}.")
    if len(named) != 1:
        raise _refuse("only one external_id can be deleted at a time")
    type_, value = (named[0].get("type"), named[0].get("id")) if isinstance(named[0], dict) else (None, None)
    if not isinstance(type_, str) or not isinstance(value, str):
        raise _refuse(f"An external_id has a type and an id, both texts, such as {_EXAMPLE}.")
    if type_.strip().lower() == "group_id":
        raise BadQuestion(400, "unsupported_eid_type", "unsupported external id type: group_id")
    return _read_identifier(f"{type_}:{value}")


def _read_identifier(text: str) -> tuple[str, tuple[str, ...]]:
    try:
        return read_identifier(text)
    except BadQuestion as error:
        raise _refuse(error.message) from error


_refuse = partial(BadQuestion, 400, "bad_request")
